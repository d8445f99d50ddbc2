/* SPDX-License-Identifier: MIT */
/* Signatures: fixed bytes at fixed places, and a second look where these are shared by several. */
#include "config.h"

#include <string.h>

#include "rescue/guess.h"

struct signature {
	const char *extension;
	uint16_t at;
	uint8_t length;
	const char *bytes;
	uint16_t at_too; /* more bytes that must be there as well */
	uint8_t length_too;
	const char *bytes_too;
};

#define SIGNATURE(extension, at, bytes)                                                            \
	{                                                                                          \
		extension, at, sizeof(bytes) - 1, bytes, 0, 0, ""                                  \
	}
#define PAIR(extension, at, bytes, at_too, bytes_too)                                              \
	{                                                                                          \
		extension, at, sizeof(bytes) - 1, bytes, at_too, sizeof(bytes_too) - 1, bytes_too  \
	}

/* The first that fits counts: the narrower stands before the wider. */
static const struct signature signatures[] = {
	SIGNATURE("jpg", 0, "\xff\xd8\xff"),
	SIGNATURE("png", 0, "\x89PNG\r\n\x1a\n"),
	SIGNATURE("gif", 0, "GIF87a"),
	SIGNATURE("gif", 0, "GIF89a"),
	PAIR("webp", 0, "RIFF", 8, "WEBP"),
	SIGNATURE("tif", 0, "II*\0"),
	SIGNATURE("tif", 0, "MM\0*"),
	PAIR("bmp", 0, "BM", 6, "\0\0\0\0"),
	SIGNATURE("psd", 0, "8BPS\0\x01"),
	SIGNATURE("xcf", 0, "gimp xcf "),
	PAIR("djvu", 0, "AT&TFORM", 12, "DJV"),
	PAIR("heic", 4, "ftyp", 8, "heic"),
	PAIR("heic", 4, "ftyp", 8, "mif1"),
	PAIR("avif", 4, "ftyp", 8, "avif"),

	SIGNATURE("pdf", 0, "%PDF-"),
	SIGNATURE("ps", 0, "%!PS-"),
	SIGNATURE("rtf", 0, "{\\rtf"),
	SIGNATURE("doc", 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
	PAIR("epub", 30, "mimetypeapplication/epub+zip", 0, "PK\x03\x04"),
	PAIR("odt", 30, "mimetypeapplication/vnd.oasis.opendocument.text", 0, "PK\x03\x04"),
	PAIR("ods", 30, "mimetypeapplication/vnd.oasis.opendocument.spreadsheet", 0, "PK\x03\x04"),
	PAIR("odp", 30, "mimetypeapplication/vnd.oasis.opendocument.presentation", 0, "PK\x03\x04"),

	SIGNATURE("gz", 0, "\x1f\x8b\x08"),
	PAIR("bz2", 0, "BZh", 4, "1AY&SY"),
	SIGNATURE("xz", 0,
		  "\xfd"
		  "7zXZ\0"),
	SIGNATURE("zst", 0, "\x28\xb5\x2f\xfd"),
	SIGNATURE("lz4", 0, "\x04\x22\x4d\x18"),
	SIGNATURE("7z", 0, "7z\xbc\xaf\x27\x1c"),
	SIGNATURE("rar", 0, "Rar!\x1a\x07"),
	SIGNATURE("tar", 257, "ustar\0"),
	SIGNATURE("tar", 257, "ustar  \0"),
	SIGNATURE("rpm", 0, "\xed\xab\xee\xdb"),
	SIGNATURE("deb", 0, "!<arch>\ndebian-binary"),
	SIGNATURE("a", 0, "!<arch>\n"),
	SIGNATURE("qcow2", 0, "QFI\xfb"),

	SIGNATURE("mp3", 0, "ID3\x02"),
	SIGNATURE("mp3", 0, "ID3\x03"),
	SIGNATURE("mp3", 0, "ID3\x04"),
	SIGNATURE("flac", 0, "fLaC"),
	PAIR("opus", 0, "OggS", 28, "OpusHead"),
	PAIR("ogv", 0, "OggS", 28, "\x80theora"),
	SIGNATURE("ogg", 0, "OggS"),
	PAIR("wav", 0, "RIFF", 8, "WAVE"),
	PAIR("avi", 0, "RIFF", 8, "AVI "),
	SIGNATURE("mid", 0, "MThd\0\0\0\x06"),
	PAIR("m4a", 4, "ftyp", 8, "M4A "),
	PAIR("mov", 4, "ftyp", 8, "qt  "),
	PAIR("3gp", 4, "ftyp", 8, "3gp"),
	PAIR("mp4", 4, "ftyp", 8, "isom"),
	PAIR("mp4", 4, "ftyp", 8, "iso2"),
	PAIR("mp4", 4, "ftyp", 8, "mp4"),
	PAIR("mp4", 4, "ftyp", 8, "avc1"),
	PAIR("mp4", 4, "ftyp", 8, "M4V "),
	SIGNATURE("mpg", 0, "\0\0\x01\xba"),
	SIGNATURE("wmv", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"),

	SIGNATURE("sqlite", 0, "SQLite format 3\0"),
	SIGNATURE("pcap", 0, "\xd4\xc3\xb2\xa1\x02\0"),
	SIGNATURE("pcap", 0, "\xa1\xb2\xc3\xd4\0\x02"),
	SIGNATURE("pcapng", 0, "\x0a\x0d\x0d\x0a"),
	SIGNATURE("wasm", 0, "\0asm\x01"),
	SIGNATURE("woff2", 0, "wOF2"),
	SIGNATURE("pem", 0, "-----BEGIN "),
};

enum { SIGNATURES = sizeof signatures / sizeof *signatures };

/* Kinds that more than fixed bytes tell. */
enum kind {
	KIND_ZIP = SIGNATURES + 1,
	KIND_DOCX,
	KIND_XLSX,
	KIND_PPTX,
	KIND_JAR,
	KIND_APK,
	KIND_MKV,
	KIND_WEBM,
	KIND_ELF,
	KIND_O,
	KIND_EXE,
	KIND_HTML,
	KIND_XML,
	KIND_SVG,
	KIND_JSON,
	KIND_SH,
	KIND_PY,
	KIND_PL,
	KIND_EML,
	KIND_TXT,
	KIND_END,
};

_Static_assert(KIND_END <= UINT8_MAX, "an extension is one byte");

static const char *const kinds[] = {"zip",  "docx", "xlsx", "pptx", "jar",  "apk", "mkv",
				    "webm", "elf",  "o",    "exe",  "html", "xml", "svg",
				    "json", "sh",   "py",   "pl",   "eml",  "txt"};

_Static_assert(sizeof kinds / sizeof *kinds == KIND_END - KIND_ZIP, "a name a kind");

const char *guess_extension_text(uint8_t extension)
{
	if (extension == 0 || extension >= KIND_END)
		return "";
	return extension <= SIGNATURES ? signatures[extension - 1].extension
				       : kinds[extension - KIND_ZIP];
}

static bool has(const uint8_t *data, size_t size, size_t at, const char *bytes, size_t length)
{
	return size >= at + length && memcmp(data + at, bytes, length) == 0;
}

static bool holds(const uint8_t *data, size_t size, const char *text)
{
	const size_t length = strlen(text);

	for (size_t i = 0; i + length <= size; i++)
		if (memcmp(data + i, text, length) == 0)
			return true;
	return false;
}

/* A zip archive is what the names of its first members say. */
static uint8_t guess_zip(const uint8_t *data, size_t size)
{
	if (holds(data, size, "AndroidManifest.xml"))
		return KIND_APK;
	if (holds(data, size, "META-INF/MANIFEST.MF"))
		return KIND_JAR;
	if (!holds(data, size, "[Content_Types].xml") && !holds(data, size, "_rels/.rels"))
		return KIND_ZIP;
	if (holds(data, size, "word/"))
		return KIND_DOCX;
	if (holds(data, size, "xl/"))
		return KIND_XLSX;
	if (holds(data, size, "ppt/"))
		return KIND_PPTX;
	return KIND_ZIP;
}

/* e_type, in the byte order that e_ident names. */
static uint8_t guess_elf(const uint8_t *data, size_t size)
{
	unsigned type;

	if (size < 20 || data[5] < 1 || data[5] > 2)
		return 0;
	type = data[5] == 1 ? data[16] | (unsigned)data[17] << 8
			    : (unsigned)data[16] << 8 | data[17];
	/* 2 is a program, 3 a program too, or a library: nothing tells which. */
	return type == 1 ? KIND_O : type == 2 || type == 3 ? KIND_ELF : 0;
}

static uint8_t guess_exe(const uint8_t *data, size_t size)
{
	uint32_t at;

	if (size < 64)
		return 0;
	at = data[60] | (uint32_t)data[61] << 8 | (uint32_t)data[62] << 16;
	return data[63] == 0 && at < size && has(data, size, at, "PE\0\0", 4) ? KIND_EXE : 0;
}

static uint8_t guess_matroska(const uint8_t *data, size_t size)
{
	const size_t head = size < 64 ? size : 64;

	if (holds(data, head, "webm"))
		return KIND_WEBM;
	return holds(data, head, "matroska") ? KIND_MKV : 0;
}

/* Is all of it text: UTF-8 without control characters? The last character may be cut. */
static bool is_text(const uint8_t *data, size_t size, bool is_whole)
{
	for (size_t i = 0; i < size;) {
		const uint8_t byte = data[i];
		const unsigned more = byte < 0x80	  ? 0
				      : byte >> 5 == 0x06 ? 1
				      : byte >> 4 == 0x0e ? 2
				      : byte >> 3 == 0x1e ? 3
							  : 4;

		if (more == 4 || byte == 0xc0 || byte == 0xc1 || byte == 0x7f ||
		    (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r' && byte != '\f'))
			return false;
		for (unsigned j = 1; j <= more; j++) {
			if (i + j >= size)
				return !is_whole;
			if (data[i + j] >> 6 != 2)
				return false;
		}
		i += more + 1;
	}
	return size > 0;
}

/* Does the text begin with `word`, in letters of any case? */
static bool begins(const char *text, size_t size, const char *word)
{
	for (size_t i = 0; word[i]; i++) {
		const char letter = i < size ? text[i] : '\0';

		if ((letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter) != word[i])
			return false;
	}
	return true;
}

static uint8_t guess_script(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	const size_t line = end ? (size_t)(end - data) : size;

	if (holds(data, line, "python"))
		return KIND_PY;
	if (holds(data, line, "perl"))
		return KIND_PL;
	return holds(data, line, "/sh") || holds(data, line, "bash") || holds(data, line, " sh")
		       ? KIND_SH
		       : KIND_TXT;
}

static uint8_t guess_text(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t at = has(data, size, 0, "\xef\xbb\xbf", 3) ? 3 : 0;

	if (has(data, size, at, "#!", 2))
		return guess_script(data, size);
	while (at < size && strchr(" \t\r\n", text[at]))
		at++;
	text += at;
	size -= at;
	if (begins(text, size, "<!doctype html") || begins(text, size, "<html"))
		return KIND_HTML;
	if (begins(text, size, "<svg"))
		return KIND_SVG;
	if (begins(text, size, "<?xml"))
		return holds((const uint8_t *)text, size, "<svg") ? KIND_SVG : KIND_XML;
	if (begins(text, size, "return-path: ") || begins(text, size, "received: from ") ||
	    begins(text, size, "delivered-to: "))
		return KIND_EML;
	/* An object whose first member has a name, or an array of such. */
	if (size > 1 && (text[0] == '{' || text[0] == '[')) {
		size_t i = 1;

		while (i < size && strchr(" \t\r\n{", text[i]))
			i++;
		if (i < size && text[i] == '"' && holds((const uint8_t *)text, size, "\":"))
			return KIND_JSON;
	}
	return KIND_TXT;
}

uint8_t guess_extension(const uint8_t *data, size_t size, bool is_whole)
{
	for (size_t i = 0; i < SIGNATURES; i++) {
		const struct signature *signature = &signatures[i];

		if (has(data, size, signature->at, signature->bytes, signature->length) &&
		    has(data, size, signature->at_too, signature->bytes_too, signature->length_too))
			return (uint8_t)(i + 1);
	}
	if (has(data, size, 0, "PK\x03\x04", 4))
		return guess_zip(data, size);
	if (has(data, size, 0,
		"\x7f"
		"ELF",
		4))
		return guess_elf(data, size);
	if (has(data, size, 0, "MZ", 2))
		return guess_exe(data, size);
	if (has(data, size, 0, "\x1a\x45\xdf\xa3", 4))
		return guess_matroska(data, size);
	return is_text(data, size, is_whole) ? guess_text(data, size) : 0;
}
