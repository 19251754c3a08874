/*
 * ledger.c
 *		The type subscription_ledger: aggregate, union, input and output, summary.
 *
 * How a ledger is laid out stands in ledger.h, how it grows in state.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "scan.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(cm_subscription_ledger_combine);
PG_FUNCTION_INFO_V1(cm_merge_trans);
PG_FUNCTION_INFO_V1(cm_subscription_ledger_final);
PG_FUNCTION_INFO_V1(cm_subscription_ledger_in);
PG_FUNCTION_INFO_V1(cm_subscription_ledger_out);
PG_FUNCTION_INFO_V1(cm_subscription_ledger_recv);
PG_FUNCTION_INFO_V1(cm_subscription_ledger_send);
PG_FUNCTION_INFO_V1(cm_ledger_summary);

/* Transition: add one subscription row; five arguments are with mrr. */
static pg_attribute_always_inline Datum
ledger_trans(FunctionCallInfo fcinfo, uint8 customer, RowTime time)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);
	bool		has_mrr = PG_NARGS() == 5;
	uint8		flags = customer | (has_mrr ? LEDGER_HAS_MRR : 0) |
		(time == ROW_DATE ? LEDGER_IN_DAYS : 0) |
		(time == ROW_TIMESTAMPTZ ? LEDGER_INSTANTS : 0);
	static const LedgerPeriod no_period;
	SubscriptionRow row;

	if (!row_from_arguments(fcinfo, customer, time, has_mrr, &row) || row.start == row.end)
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	PG_RETURN_DATUM(state_add_row(PG_GETARG_DATUM(0), PG_ARGISNULL(0), flags,
								  &no_period, &row, aggcontext));
}

/* The SQL entry point of ledger_trans for one customer type and one time type. */
#define LEDGER_TRANS(name, customer, time) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	return ledger_trans(fcinfo, customer, time); \
}

LEDGER_TRANS(cm_subscription_ledger_trans_bigint_date, LEDGER_CUSTOMER_BIGINT, ROW_DATE)
LEDGER_TRANS(cm_subscription_ledger_trans_bigint_timestamp, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMP)
LEDGER_TRANS(cm_subscription_ledger_trans_bigint_timestamptz, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMPTZ)
LEDGER_TRANS(cm_subscription_ledger_trans_uuid_date, LEDGER_CUSTOMER_UUID, ROW_DATE)
LEDGER_TRANS(cm_subscription_ledger_trans_uuid_timestamp, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMP)
LEDGER_TRANS(cm_subscription_ledger_trans_uuid_timestamptz, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMPTZ)
LEDGER_TRANS(cm_subscription_ledger_trans_text_date, LEDGER_CUSTOMER_TEXT, ROW_DATE)
LEDGER_TRANS(cm_subscription_ledger_trans_text_timestamp, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMP)
LEDGER_TRANS(cm_subscription_ledger_trans_text_timestamptz, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMPTZ)

/* Unite two states; NULL is an empty one. */
Datum
cm_subscription_ledger_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	PG_RETURN_DATUM(state_unite(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0),
								PG_GETARG_DATUM(1), aggcontext));
}

/* Transition of merge(): unite the state with a finished ledger. */
Datum
cm_merge_trans(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(1) && !VARATT_IS_EXTERNAL_EXPANDED(PG_GETARG_POINTER(1)))
	{
		fcinfo->args[1].value = PointerGetDatum(PG_DETOAST_DATUM(PG_GETARG_DATUM(1)));
		(void) ledger_argument(PG_GETARG_DATUM(1), false, false);
	}
	return cm_subscription_ledger_combine(fcinfo);
}

/*
 * The finished ledger: flat where the state is.  A large one stays what it is,
 * an expanded object, for a report to walk over; it becomes canonical when it is
 * stored or sent.  Within a window the state goes on to change, so it is copied.
 */
Datum
cm_subscription_ledger_final(PG_FUNCTION_ARGS)
{
	Datum		state;
	Ledger		ledger;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_DATUM(0);
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)) &&
		AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_AGGREGATE)
	{
		/* a pointer in the caller's context: elsewhere version 15 would flatten it */
		void	   *pointer = palloc(EXPANDED_POINTER_SIZE);

		memcpy(pointer, expanded_state(state)->hdr.eoh_ro_ptr, EXPANDED_POINTER_SIZE);
		PG_RETURN_POINTER(pointer);
	}
	ledger = ledger_of(state);
	PG_RETURN_POINTER(ledger_finish(&ledger));
}

/* ------------------------------------------------------------------
 * Input and output: the canonical bytes behind the varlena length, as they are
 * in binary and in hexadecimal digits behind \x as text.
 * ------------------------------------------------------------------
 */

/* The value of a hexadecimal digit of either case, or -1. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Text input; raises 22P02 for what is not a canonical ledger. */
Datum
cm_subscription_ledger_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	Size		length = strlen(text);
	const char *wrong = NULL;
	LedgerHeader *ledger = NULL;
	LedgerView	view;

	if (length < 2 || text[0] != '\\' || text[1] != 'x' || length % 2 != 0)
		wrong = "it is not an even number of hexadecimal digits behind \\x.";
	else
	{
		Size		bytes = length / 2 - 1;
		uint8	   *p;
		Size		i;

		ledger = palloc(VARHDRSZ + Max(bytes, sizeof(LedgerHeader)));
		SET_VARSIZE(ledger, VARHDRSZ + bytes);
		p = (uint8 *) ledger + VARHDRSZ;
		for (i = 0; i < bytes && !wrong; i++)
		{
			int			high = hex_digit(text[2 + 2 * i]);
			int			low = hex_digit(text[3 + 2 * i]);

			CHECK_FOR_INTERRUPTS_AT(i);
			if (high < 0 || low < 0)
				wrong = "it is not an even number of hexadecimal digits behind \\x.";
			else
				p[i] = (uint8) (high << 4 | low);
		}
		if (!wrong)
			wrong = ledger_check(p, bytes, &view);
	}
	if (wrong)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type subscription_ledger: \"%.*s%s\"",
						pg_mbcliplen(text, length, 32), text, length > 32 ? "..." : ""),
				 errdetail("The ledger cannot be read: %s", wrong)));
	PG_RETURN_POINTER(ledger);
}

/* A value as a flat canonical one. */
static LedgerHeader *
canonical_value(Datum datum)
{
	Ledger		ledger;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		LedgerHeader *flat = (LedgerHeader *) PG_DETOAST_DATUM(datum);

		if (VARSIZE(flat) >= sizeof(LedgerHeader) && (flat->flags & LEDGER_CANONICAL))
			return flat;
		datum = PointerGetDatum(flat);
	}
	ledger = ledger_of(datum);
	return ledger_finish(&ledger);
}

/* Text output, always of the canonical form; raises 54000 where the text would be too large. */
Datum
cm_subscription_ledger_out(PG_FUNCTION_ARGS)
{
	static const char digits[] = "0123456789abcdef";
	LedgerHeader *ledger = canonical_value(PG_GETARG_DATUM(0));
	const uint8 *p = (const uint8 *) ledger + VARHDRSZ;
	Size		bytes = VARSIZE(ledger) - VARHDRSZ;
	char	   *text;
	Size		i;

	if (2 * bytes + 3 > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("subscription_ledger of %zu bytes is too large for its text form", bytes),
				 errhint("Use the binary format, or one ledger per segment.")));
	text = palloc(2 * bytes + 3);
	text[0] = '\\';
	text[1] = 'x';
	for (i = 0; i < bytes; i++)
	{
		CHECK_FOR_INTERRUPTS_AT(i);
		text[2 + 2 * i] = digits[p[i] >> 4];
		text[3 + 2 * i] = digits[p[i] & 0xF];
	}
	text[2 + 2 * bytes] = '\0';
	PG_RETURN_CSTRING(text);
}

/* Binary input; raises 22P03 for what is not a canonical ledger. */
Datum
cm_subscription_ledger_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	Size		bytes = buf->len - buf->cursor;
	LedgerHeader *ledger = palloc(VARHDRSZ + Max(bytes, sizeof(LedgerHeader)));
	uint8	   *p = (uint8 *) ledger + VARHDRSZ;
	LedgerView	view;
	const char *wrong;

	SET_VARSIZE(ledger, VARHDRSZ + bytes);
	pq_copymsgbytes(buf, (char *) p, bytes);
	wrong = ledger_check(p, bytes, &view);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary input for type subscription_ledger"),
				 errdetail("The ledger cannot be read: %s", wrong)));
	PG_RETURN_POINTER(ledger);
}

/* Binary output, always of the canonical form. */
Datum
cm_subscription_ledger_send(PG_FUNCTION_ARGS)
{
	LedgerHeader *ledger = canonical_value(PG_GETARG_DATUM(0));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbytes(&buf, (const char *) ledger + VARHDRSZ, VARSIZE(ledger) - VARHDRSZ);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ------------------------------------------------------------------
 * Summary
 * ------------------------------------------------------------------
 */

typedef struct Summary
{
	int64		customers;
	int64		changes;
	int64		first_start;
	int64		last_change;
	int64		running;
	int64		free;
	int64		negative;
	int64		one_day_gaps;
} Summary;

/* Add one customer to a summary. */
static void
summarize_customer(const LedgerScan *scan, uint8 flags, Summary *summary)
{
	const int64 slack = (flags & LEDGER_INSTANTS) ? USECS_PER_HOUR : 0;
	int64		rows = 0;
	int128		mrr = 0;
	int64		stopped = 0;	/* when the last stretch ended, without rows since */
	bool		negative = false;
	int64		i;

	for (i = 0; i < scan->n; i++)
	{
		const LedgerChange *change = &scan->changes[i];

		CHECK_FOR_INTERRUPTS_AT(i);
		if (i > 0 && rows == 0 && change->rows > 0)
		{
			int64		gap = change->at - stopped;

			if (gap >= USECS_PER_DAY - slack && gap <= USECS_PER_DAY + slack)
				summary->one_day_gaps++;
		}
		rows += change->rows;
		mrr += change->mrr;
		negative |= mrr < 0;
		if (rows == 0)
			stopped = change->at;
		summary->first_start = Min(summary->first_start, change->at);
		summary->last_change = Max(summary->last_change, change->at);
	}
	summary->customers++;
	summary->changes += scan->n;
	summary->running += rows > 0;
	summary->free += rows > 0 && mrr == 0;
	summary->negative += negative;
}

/* The date of a moment; instants are taken as UTC. */
static Datum
utc_date(int64 moment)
{
	return DirectFunctionCall1(timestamp_date, TimestampGetDatum(moment));
}

/* What a ledger holds, in one row, to see whether its source was read right. */
Datum
cm_ledger_summary(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Ledger		ledger;
	LedgerScan	scan;
	Summary		summary = {0, 0, PG_INT64_MAX, PG_INT64_MIN, 0, 0, 0, 0};
	Datum		values[9];
	bool		nulls[9] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	ledger = ledger_argument(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0), PG_ARGISNULL(0), true);
	ledger_scan_begin(&scan, &ledger);
	while (ledger_scan_next(&scan))
		summarize_customer(&scan, ledger.flags, &summary);
	ledger_scan_end(&scan);

	values[0] = Int64GetDatum(summary.customers);
	values[1] = Int64GetDatum(summary.changes);
	nulls[2] = nulls[3] = summary.changes == 0;
	if (summary.changes > 0)
	{
		values[2] = utc_date(summary.first_start);
		values[3] = utc_date(summary.last_change);
	}
	values[4] = Int64GetDatum(summary.running);
	values[5] = Int64GetDatum(summary.free);
	values[6] = Int64GetDatum(summary.negative);
	nulls[5] = nulls[6] = summary.changes > 0 && !(ledger.flags & LEDGER_HAS_MRR);
	values[7] = Int64GetDatum(summary.one_day_gaps);
	values[8] = Int64GetDatum(PG_ARGISNULL(0) ? 0 : VARSIZE(canonical_value(PG_GETARG_DATUM(0))));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
