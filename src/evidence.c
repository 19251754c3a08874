/*
 * evidence.c
 *		The customers behind a cell of a report.  See docs/evidence.md.
 *
 * A ledger has no names.  So the query's rows are gathered into one ledger as for
 * a report, and beside it the customers of the rows that begin or end about the
 * period, which is when somebody can move.  The very sweep that counts the cell
 * tells the keys of those who moved, and the names are found by their keys.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/uuid.h"

#include "checks.h"
#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_customer_movements);

#define ARG_SINCE		1
#define ARG_POLICY		4
#define ARG_EVERY		5
#define ARG_ORIGIN		6
#define ARG_UNCHANGED	7

/* So many days lie between the midnights of any two zones at the most, even of those made up. */
#define ZONE_DAYS		15

static const char *const movement_names[MOVEMENT_KINDS] = {
	"unchanged", "new", "reactivation", "expansion", "contraction", "churned", "transient", "transient_new"
};

/* A row of the result to be. */
typedef struct Found
{
	int			name;			/* index of the customer */
	int			number;			/* in the order found, which is that of time for one customer */
	MovementKind kind;
	int128		opening;
	int128		closing;
	int64		life_at;
} Found;

typedef struct Evidence
{
	PeriodRequest periods;
	ChurnPolicy policy;
	bool		include_unchanged;
	ReturnSetInfo *result;
	PeriodGrid	grid;
	Clock		clock;

	Oid			type;			/* of the customers */
	Datum	   *names;
	KeyedCustomer *keyed;
	int			nnames;
	int			next;			/* in keyed: not before the customer told of last */
	Found	   *found;
	Size		nfound;
	Size		allocated;
} Evidence;

/* Below, at or above 0 as one customer comes before, with or after another. */
static int
compare_customers(Datum a, Datum b, Oid type)
{
	Size		a_length;
	Size		b_length;
	int			order;

	if (type == INT8OID)
		return DatumGetInt64(a) < DatumGetInt64(b) ? -1 : DatumGetInt64(a) > DatumGetInt64(b);
	if (type == UUIDOID)
		return memcmp(DatumGetUUIDP(a)->data, DatumGetUUIDP(b)->data, UUID_LEN);
	a_length = VARSIZE_ANY_EXHDR(DatumGetPointer(a));
	b_length = VARSIZE_ANY_EXHDR(DatumGetPointer(b));
	order = memcmp(VARDATA_ANY(DatumGetPointer(a)), VARDATA_ANY(DatumGetPointer(b)), Min(a_length, b_length));
	if (order != 0)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

/* The order of the result: by customer, then by time. */
static int
compare_found(const Found *a, const Found *b, const Evidence *evidence)
{
	int			order = compare_customers(evidence->names[a->name], evidence->names[b->name], evidence->type);

	return order != 0 ? order : (a->number < b->number ? -1 : a->number > b->number);
}

#define ST_SORT sort_found
#define ST_ELEMENT_TYPE Found
#define ST_COMPARE_ARG_TYPE const Evidence
#define ST_COMPARE(a, b, evidence) compare_found(a, b, evidence)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Make the grid whose last period is the one asked for; before it come those that the policy looks back at. */
static void
make_grid(Evidence *evidence, bool instants)
{
	PeriodRequest *periods = &evidence->periods;

	evidence->clock = period_clock(periods, instants);
	if (periods->months == 0 && periods->days == 0)
		period_between(clock_midnight(&evidence->clock, periods->since),
					   clock_midnight(&evidence->clock, periods->until), &evidence->grid);
	else
		periods_make(periods, instants, false, 0, false, &evidence->grid);
	if (evidence->grid.n != evidence->policy.lookback)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since and until must lie in one period of the grid, not in %d",
						evidence->grid.n - evidence->policy.lookback + 1),
				 errhint("Give period_start and period_end of the report's row, and the report's every and origin.")));
}

/* The name behind a key, as an index. */
static int
find_name(Evidence *evidence, const uint64 *key)
{
	while (evidence->next < evidence->nnames &&
		   key_before(evidence->keyed[evidence->next].key, key))
	{
		CHECK_FOR_INTERRUPTS_AT(evidence->next);
		evidence->next++;
	}
	if (evidence->next == evidence->nnames || key_before(key, evidence->keyed[evidence->next].key))
		elog(ERROR, "customer is not among those who can move");
	return evidence->keyed[evidence->next].index;
}

/* A movement of a customer: it belongs to the evidence if it belongs to the last period. */
static void
take_movement(void *context, const Movement *movement)
{
	Evidence   *evidence = context;
	Found	   *last = evidence->nfound > 0 ? &evidence->found[evidence->nfound - 1] : NULL;
	int			name;

	if (movement->last != evidence->grid.n - 1 ||
		(movement->kind == MOVED_NOT && !evidence->include_unchanged))
		return;
	name = find_name(evidence, movement->key);
	if (last && last->name == name)
	{
		/* unchanged is only who has no movement at all */
		if (movement->kind == MOVED_NOT)
			return;
		if (last->kind == MOVED_NOT)
			evidence->nfound--;
	}
	if (evidence->nfound == evidence->allocated)
	{
		evidence->allocated = Max(2 * evidence->allocated, 256);
		evidence->found = evidence->found ?
			repalloc_huge(evidence->found, evidence->allocated * sizeof(Found)) :
			palloc(evidence->allocated * sizeof(Found));
	}
	last = &evidence->found[evidence->nfound];
	last->name = name;
	last->number = (int) evidence->nfound++;
	last->kind = movement->kind;
	last->opening = movement->opening;
	last->closing = movement->closing;
	last->life_at = movement->life_at;
}

/* A customer as text. */
static Datum
name_datum(Datum name, Oid type)
{
	if (type == INT8OID)
		return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(int8out, name)));
	if (type == UUIDOID)
		return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(uuid_out, name)));
	return name;
}

/* Put out what was found. */
static void
put_found(Evidence *evidence, bool has_mrr)
{
	MemoryContext old = report_rows_begin();
	Size		i;

	for (i = 0; i < evidence->nfound; i++)
	{
		const Found *found = &evidence->found[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = name_datum(evidence->names[found->name], evidence->type);
		values[1] = CStringGetTextDatum(movement_names[found->kind]);
		nulls[2] = nulls[3] = nulls[4] = !has_mrr;
		if (has_mrr)
		{
			values[2] = NumericGetDatum(money_to_numeric(found->opening));
			values[3] = NumericGetDatum(money_to_numeric(found->closing));
			values[4] = NumericGetDatum(money_to_numeric(found->closing - found->opening));
		}
		values[5] = DateADTGetDatum(clock_date(&evidence->clock, found->life_at));
		report_row(evidence->result, values, nulls);
	}
	report_rows_end(old);
}

/* The ledger of all rows, and the customers who can have moved. */
static void
take_ledger(TupleTableSlot *slot, bool has_mrr, void *context)
{
	Evidence   *evidence = context;
	MovementSeries series;
	bool		no_ledger;
	bool		no_names;
	Datum		datum = slot_getattr(slot, 1, &no_ledger);
	Datum		names = slot_getattr(slot, 2, &no_names);
	Ledger		ledger = ledger_argument(datum, no_ledger, false);

	if (no_names || ledger_is_empty(&ledger))
		return;
	make_grid(evidence, (ledger.flags & LEDGER_INSTANTS) != 0);
	evidence->type = ARR_ELEMTYPE(DatumGetArrayTypeP(names));
	evidence->keyed = customers_by_key(names, &evidence->names, &evidence->nnames);
	series.grid = evidence->grid;
	series_begin(&series, &evidence->policy, has_mrr);
	series_add(&series, &ledger, &evidence->clock, take_movement, evidence);
	sort_found(evidence->found, evidence->nfound, evidence);
	put_found(evidence, has_mrr);
}

/* A date, some days off, as a literal that no setting changes. */
static char *
near_date(DateADT date, int days)
{
	int64		julian = (int64) date + days + POSTGRES_EPOCH_JDATE;

	return psprintf("'J%lld'::pg_catalog.date", (long long) Min(Max(julian, DATETIME_MIN_JULIAN), TIMESTAMP_END_JULIAN - 1));
}

/* The statement for rows with or without mrr, as query_rows wants it. */
static char *
evidence_statement(const Evidence *evidence, const char *mrr)
{
	const char *from;
	const char *until;

	if (evidence->include_unchanged)
		return psprintf("SELECT %%1$s.subscription_ledger(customer, started_at, ended_at%s), "
						"pg_catalog.array_agg(DISTINCT customer) FILTER (WHERE customer IS NOT NULL) FROM %%2$s", mrr);
	/* in any time zone */
	from = near_date(evidence->grid.dates ? evidence->grid.dates[0] : evidence->periods.since, -ZONE_DAYS);
	until = near_date(evidence->periods.until, ZONE_DAYS);
	return psprintf("SELECT %%1$s.subscription_ledger(customer, started_at, ended_at%s), "
					"pg_catalog.array_agg(customer) FILTER (WHERE customer IS NOT NULL"
					" AND (started_at OPERATOR(pg_catalog.>=) %s AND started_at OPERATOR(pg_catalog.<=) %s"
					" OR ended_at OPERATOR(pg_catalog.>=) %s AND ended_at OPERATOR(pg_catalog.<=) %s)) FROM %%2$s",
					mrr, from, until, from, until);
}

/* customer_movements(): the customers who moved in one period of a report. */
Datum
cm_customer_movements(PG_FUNCTION_ARGS)
{
	Evidence	evidence = {0};
	RowsQuery	query = {{COLUMN_OPTIONAL_MRR}, NULL, NULL};

	check_not_null("query", PG_ARGISNULL(0));
	check_not_null("since", PG_ARGISNULL(ARG_SINCE));
	check_not_null("until", PG_ARGISNULL(ARG_SINCE + 1));
	check_not_null("include_unchanged", PG_ARGISNULL(ARG_UNCHANGED));
	evidence.periods = period_request(fcinfo, ARG_EVERY, ARG_SINCE, ARG_ORIGIN);
	policy_argument(fcinfo, ARG_POLICY, &evidence.policy);
	if (evidence.policy.lookback > 1 && PG_ARGISNULL(ARG_EVERY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every must not be null where the policy looks back over %d periods", evidence.policy.lookback),
				 errhint("Give the report's every, so that the opening is found.")));
	evidence.periods.at = evidence.policy.at;
	evidence.periods.earlier = evidence.policy.lookback - 1;
	evidence.include_unchanged = PG_GETARG_BOOL(ARG_UNCHANGED);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	evidence.result = (ReturnSetInfo *) fcinfo->resultinfo;
	make_grid(&evidence, false);
	query.with_mrr = evidence_statement(&evidence, ", mrr");
	query.without_mrr = evidence_statement(&evidence, "");
	query_rows(fcinfo, &query, take_ledger, &evidence);
	return (Datum) 0;
}
