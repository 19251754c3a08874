/*
 * rows.c
 *		The rarely taken paths of rows.h: errors, the hash of text customers, and the
 *		way back from keys to customers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "rows.h"

/* Report an argument that is NULL. */
void
row_null_argument(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", argument),
			 errhint("Only a row whose customer and started_at are both null is ignored.")));
}

/* Report a start that is no moment. */
void
row_infinite_start(bool negative)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("started_at must be finite, not %s", negative ? "-infinity" : "infinity")));
}

/* Report an end before all time. */
void
row_infinite_end(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ended_at must not be -infinity"),
			 errhint("A subscription that still runs has ended_at NULL or infinity.")));
}

/* Report a date that no timestamp can hold. */
void
row_date_out_of_range(const char *argument, DateADT date)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("%s must be before 294277-01-01, not %s", argument,
					DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date)))),
			 errhint("A subscription that still runs has ended_at NULL or infinity.")));
}

/* A moment as an error message shows it; with ROW_DATE it is in days. */
static char *
moment_text(int64 moment, RowTime time)
{
	switch (time)
	{
		case ROW_DATE:
			return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum((DateADT) moment)));
		case ROW_TIMESTAMP:
			return DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum(moment)));
		default:
			return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(moment)));
	}
}

/* Report a stretch that ends before it starts. */
void
row_ends_before_start(int64 start, int64 end, RowTime time)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ended_at %s is before started_at %s",
					moment_text(end, time), moment_text(start, time)),
			 errhint("ended_at is the first moment without service, on or after started_at.")));
}

/* The integer rotated left by 1 to 63 bits. */
static inline uint64
rotate(uint64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

/* MurmurHash3, the 128-bit variant for 64-bit machines, of raw bytes. */
void
text_key(const char *bytes, Size length, uint64 *key)
{
	const uint64 c1 = UINT64CONST(0x87c37b91114253d5);
	const uint64 c2 = UINT64CONST(0x4cf5ad432745937f);
	const uint8 *p = (const uint8 *) bytes;
	const uint8 *stop = p + (length & ~(Size) 15);
	uint8		tail[16] = {0};
	uint64		h1 = 0;
	uint64		h2 = 0;

	for (; p < stop; p += 16)
	{
		h1 ^= rotate(load_u64(p) * c1, 31) * c2;
		h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
		h2 ^= rotate(load_u64(p + 8) * c2, 33) * c1;
		h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
	}
	memcpy(tail, p, length & 15);
	h2 ^= rotate(load_u64(tail + 8) * c2, 33) * c1;
	h1 ^= rotate(load_u64(tail) * c1, 31) * c2;

	h1 ^= length;
	h2 ^= length;
	h1 += h2;
	h2 += h1;
	h1 = mix64(h1);
	h2 = mix64(h2);
	h1 += h2;
	h2 += h1;
	key[0] = h1;
	key[1] = h2;
}

#define ST_SORT sort_customers
#define ST_ELEMENT_TYPE KeyedCustomer
#define ST_COMPARE(a, b) \
	((a)->key[0] != (b)->key[0] ? ((a)->key[0] < (b)->key[0] ? -1 : 1) : \
	 (a)->key[1] != (b)->key[1] ? ((a)->key[1] < (b)->key[1] ? -1 : 1) : (a)->index - (b)->index)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* The customers of an array of bigint, uuid or text without NULLs, in order of the keys that a ledger has for them. */
KeyedCustomer *
customers_by_key(Datum array, Datum **values, int *n)
{
	ArrayType  *customers = DatumGetArrayTypeP(array);
	Oid			type = ARR_ELEMTYPE(customers);
	KeyedCustomer *keyed;
	int			i;

	if (type == INT8OID)
		deconstruct_array(customers, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, values, NULL, n);
	else if (type == UUIDOID)
		deconstruct_array(customers, type, UUID_LEN, false, TYPALIGN_CHAR, values, NULL, n);
	else
		deconstruct_array(customers, type, -1, false, TYPALIGN_INT, values, NULL, n);
	keyed = palloc_extended(Max(*n, 1) * sizeof(KeyedCustomer), MCXT_ALLOC_HUGE);
	for (i = 0; i < *n; i++)
	{
		CHECK_FOR_INTERRUPTS_AT(i);
		keyed[i].index = i;
		keyed[i].key[1] = 0;
		if (type == INT8OID)
			keyed[i].key[0] = mix64((uint64) DatumGetInt64((*values)[i]));
		else if (type == UUIDOID)
			uuid_key(DatumGetUUIDP((*values)[i])->data, keyed[i].key);
		else
			text_key(VARDATA_ANY(DatumGetPointer((*values)[i])), VARSIZE_ANY_EXHDR(DatumGetPointer((*values)[i])),
					 keyed[i].key);
	}
	sort_customers(keyed, *n);
	return keyed;
}
