/*
 * money.h
 *		Exact money: amounts as int64 millionths, sums in 128 bits, numeric at the
 *		borders.  See docs/ledger.md, "Amounts".
 */
#ifndef CM_MONEY_H
#define CM_MONEY_H

#include "utils/numeric.h"

#include "compat.h"

#ifndef HAVE_INT128
#error "churnmetrics needs a compiler with 128-bit integers"
#endif

#define MICROS_PER_UNIT		INT64CONST(1000000)
#define MICROS_PER_CENT		INT64CONST(10000)

extern int64 mrr_from_numeric_general(Datum value);
extern Numeric money_to_numeric(int128 micros);
extern Numeric count_to_numeric(int128 count);
extern Datum money_rate(int128 part, int128 whole, bool *isnull);
extern Datum count_rate(int64 part, int64 whole, bool *isnull);
extern Datum money_per_customer(int128 micros, int64 customers, bool *isnull);
extern Datum one_minus(Datum rate);

/*
 * Read the common case, a short-format numeric below 10^12 stored inline,
 * without the general conversion.  Returns false where that does not apply.
 *
 * The layout (header bits, base-10000 digits, weight of the first digit) is the
 * server's on-disk format; digits from the ninth decimal on cannot change a
 * value rounded half away from zero to six.
 */
static inline bool
mrr_from_numeric_short(Datum value, int64 *micros)
{
	const char *ptr = (const char *) DatumGetPointer(value);
	const char *digits;
	uint16		header;
	int			ndigits;
	int			weight;
	int			i;
	int			next = 0;
	int64		acc = 0;

	if (VARATT_IS_1B(ptr) && !VARATT_IS_1B_E(ptr))
	{
		digits = VARDATA_1B(ptr);
		ndigits = (int) VARSIZE_1B(ptr) - VARHDRSZ_SHORT;
	}
	else if (VARATT_IS_4B_U(ptr))
	{
		digits = VARDATA_4B(ptr);
		ndigits = (int) VARSIZE_4B(ptr) - VARHDRSZ;
	}
	else
		return false;

	memcpy(&header, digits, sizeof(header));
	if ((header & 0xC000) != 0x8000)
		return false;			/* long format, NaN or infinity */
	digits += sizeof(header);
	ndigits = (ndigits - (int) sizeof(header)) / (int) sizeof(int16);
	weight = (header & 0x0040) ? (int) (header & 0x003F) - 64 : (int) (header & 0x003F);
	if (weight > 2)
		return false;

	/* all digits down to the fourth decimal, then two more and a rounding */
	for (i = 0; i <= weight + 1; i++)
	{
		int16		digit = 0;

		if (i < ndigits)
			memcpy(&digit, digits + i * sizeof(int16), sizeof(int16));
		acc = acc * 10000 + digit;
	}
	i = weight + 2;
	if (i >= 0 && i < ndigits)
	{
		int16		digit;

		memcpy(&digit, digits + i * sizeof(int16), sizeof(int16));
		next = digit;
	}
	acc = acc * 100 + next / 100 + (next % 100 >= 50 ? 1 : 0);
	*micros = (header & 0x2000) ? -acc : acc;
	return true;
}

/* Does a numeric have no more decimals than millionths show?  Only for the short format. */
static inline bool
numeric_short_is_micros(Datum value)
{
	const char *ptr = (const char *) DatumGetPointer(value);
	uint16		header;

	memcpy(&header, VARDATA_ANY(ptr), sizeof(header));
	return ((header & 0x1F80) >> 7) <= 6;
}

/* The mrr argument in millionths; out of range, NaN and infinity are errors. */
static inline int64
mrr_from_numeric(Datum value)
{
	int64		micros;

	if (likely(mrr_from_numeric_short(value, &micros)))
		return micros;
	return mrr_from_numeric_general(value);
}

#endif							/* CM_MONEY_H */
