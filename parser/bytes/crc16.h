/* SPDX-License-Identifier: MIT */
/*
 * CRC-16 with the reflected polynomial 0xA001: the checksum of group descriptors under gdt_csum.
 */
#ifndef BYTES_CRC16_H
#define BYTES_CRC16_H

#include <stddef.h>
#include <stdint.h>

/* The raw register after `length` bytes, from `seed` (0xffff for a new checksum); no inversion. */
uint16_t crc16(uint16_t seed, const void *data, size_t length);

#endif
