/*
 * winbacks.c
 *		Customers won back by period: how long they were away, what they paid before
 *		and what they pay again.  See docs/winbacks.md.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "sweep.h"

PG_FUNCTION_INFO_V1(cm_win_backs_by_period);
PG_FUNCTION_INFO_V1(cm_win_backs_by_period_query);

/* A customer who came back, and the rows of the series in which that counts. */
typedef struct WinBack
{
	int			first;
	int			last;
	int128		away;			/* microseconds */
	int128		lost_mrr;
	int128		regained_mrr;
} WinBack;

typedef struct WinBacks
{
	MemoryContext context;
	WinBack    *all;			/* in order of "first" when all are there */
	Size		n;
	Size		allocated;
} WinBacks;

#define ST_SORT sort_winbacks
#define ST_ELEMENT_TYPE WinBack
#define ST_COMPARE(a, b) ((a)->first < (b)->first ? -1 : (a)->first > (b)->first)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_lengths
#define ST_ELEMENT_TYPE int128
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Remember a movement if somebody came back. */
static void
take_movement(void *context, const Movement *movement)
{
	WinBacks   *winbacks = context;
	WinBack    *winback;

	if (movement->kind != MOVED_REACTIVATION)
		return;
	if (winbacks->n == winbacks->allocated)
	{
		winbacks->allocated = Max(2 * winbacks->allocated, 64);
		if (winbacks->all == NULL)
			winbacks->all = MemoryContextAlloc(winbacks->context, winbacks->allocated * sizeof(WinBack));
		else
			winbacks->all = repalloc_huge(winbacks->all, winbacks->allocated * sizeof(WinBack));
	}
	winback = &winbacks->all[winbacks->n++];
	winback->first = movement->first;
	winback->last = movement->last;
	winback->away = (int128) movement->back_at - movement->away_from;
	winback->lost_mrr = movement->left_mrr;
	winback->regained_mrr = movement->closing;
}

/* Microseconds / divisor as days; NULL where the divisor is zero. */
static Datum
days(int128 microseconds, int64 divisor, bool *isnull)
{
	*isnull = divisor == 0;
	if (*isnull)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div, NumericGetDatum(count_to_numeric(microseconds)),
							   NumericGetDatum(count_to_numeric((int128) divisor * USECS_PER_DAY)));
}

/* The rows, one per period. */
static void
winback_report(const Ledger *ledger, const ReportRequest *request, ReturnSetInfo *result)
{
	WinBacks	winbacks = {CurrentMemoryContext, NULL, 0, 0};
	MovementSeries series;
	MemoryContext old;
	int128	   *lengths;
	Size		begin = 0;
	int			row;

	if (!movement_series(ledger, request, &series, take_movement, &winbacks))
		return;
	if (winbacks.n > 0)
		sort_winbacks(winbacks.all, winbacks.n);
	lengths = palloc_extended((winbacks.n + 1) * sizeof(int128), MCXT_ALLOC_HUGE);
	old = report_rows_begin();
	for (row = series.grid.shown; row < series.grid.n; row++)
	{
		int64		customers = 0;
		int128		away = 0;
		int128		lost = 0;
		int128		regained = 0;
		Datum		values[9];
		bool		nulls[9] = {false};
		Size		i;

		/* a movement belongs to as many rows as the look-back is long, at the most */
		while (begin < winbacks.n && winbacks.all[begin].first <= row - request->policy.lookback)
			begin++;
		for (i = begin; i < winbacks.n && winbacks.all[i].first <= row; i++)
		{
			const WinBack *winback = &winbacks.all[i];

			CHECK_FOR_INTERRUPTS_AT(i);
			if (winback->last < row)
				continue;
			lengths[customers++] = winback->away;
			away += winback->away;
			lost += winback->lost_mrr;
			regained += winback->regained_mrr;
		}
		sort_lengths(lengths, customers);
		values[0] = DateADTGetDatum(series.grid.dates[row]);
		values[1] = DateADTGetDatum(series.grid.dates[row + 1]);
		values[2] = Int64GetDatum(customers);
		values[3] = days(away, customers, &nulls[3]);
		values[4] = days(customers == 0 ? 0 : lengths[(customers - 1) / 2] + lengths[customers / 2],
						 customers == 0 ? 0 : 2, &nulls[4]);
		nulls[5] = nulls[6] = nulls[7] = !series.has_mrr;
		if (series.has_mrr)
		{
			values[5] = NumericGetDatum(money_to_numeric(lost));
			values[6] = NumericGetDatum(money_to_numeric(regained));
			values[7] = money_rate(regained, lost, &nulls[7]);
		}
		values[8] = BoolGetDatum(series.grid.complete[row]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

static const ReportKind winback_kind = {winback_report, 1, false};

/* win_backs_by_period() of a ledger. */
Datum
cm_win_backs_by_period(PG_FUNCTION_ARGS)
{
	return report_on_ledger(fcinfo, &winback_kind);
}

/* win_backs_by_period() of the rows of a query, with or without mrr. */
Datum
cm_win_backs_by_period_query(PG_FUNCTION_ARGS)
{
	return report_on_query(fcinfo, &winback_kind);
}
