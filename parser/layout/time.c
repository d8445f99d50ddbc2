/* SPDX-License-Identifier: MIT */
/*
 * Seconds since 1970 as a date of the Gregorian calendar. Depends neither on the locale nor on the
 * time zone nor on the width of time_t.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include <ext/field.h>

/*
 * Years of the Gregorian calendar start in March here, so that the leap day is the last of its
 * year; 400 of them are always 146097 days, and years before the era's first are avoided by
 * counting eras from the year 0.
 */
static void civil_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	const int64_t shifted = days + 719468; /* from 0000-03-01 to 1970-01-01 */
	const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	const unsigned day_of_era = (unsigned)(shifted - era * 146097);
	const unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const unsigned shifted_month = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	*month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	*year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* Beyond years of four digits a time is surely none; its number says more. */
enum { DAY_SECONDS = 86400 };
static const int64_t year_0000 = -62167219200;
static const int64_t year_9999_end = 253402300799;

size_t ext_time_show(int64_t seconds, char *text, size_t size)
{
	unsigned month, day, second;
	int64_t days, year;

	if (seconds < year_0000 || seconds > year_9999_end)
		return (size_t)snprintf(text, size, "%" PRId64 " s", seconds);
	days = (seconds >= 0 ? seconds : seconds - (DAY_SECONDS - 1)) / DAY_SECONDS;
	second = (unsigned)(seconds - days * DAY_SECONDS);
	civil_date(days, &year, &month, &day);
	return (size_t)snprintf(text, size, "%04u-%02u-%02u %02u:%02u:%02u UTC", (unsigned)year,
				month, day, second / 3600, second / 60 % 60, second % 60);
}
