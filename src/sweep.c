/*
 * sweep.c
 *		What happened to each customer in each period.
 *
 * A customer's changes that fall into one period are taken together: its state
 * before them is the opening, after them the closing; what changed goes into that
 * period's flows.  Periods in which nothing happens to a customer are never
 * visited: the openings and closings of the whole follow by adding up.
 *
 * With the basis "events" a change is settled at once instead of at the end of
 * its period.  With a look-back, a movement belongs to all rows whose opening and
 * closing lie on the same sides of it: the flows then hold what a row has more
 * than the one before, and are added up at the end, so that a look-back over
 * many periods costs no more than over few.
 */
#include "postgres.h"

#include "sweep.h"

/* One customer's opening of a period, and what came before it. */
typedef struct Opening
{
	int128		mrr;
	bool		active;
	bool		ever_active;	/* at or before it, in the life that closes the period */
} Opening;

/* When a customer came and went; only followed where somebody asks. */
typedef struct Track
{
	int64		life_at;
	int64		left_at;
	int128		left_mrr;
	bool		is_back;		/* in the current period, for the first time: */
	int64		back_at;
	int64		away_from;
	int128		back_left_mrr;
} Track;

/* The kind of a movement, and its amount. */
static inline MovementKind
movement_kind(const Opening *opening, bool active, int128 mrr, bool active_inside, int128 *amount)
{
	*amount = 0;
	if (opening->active && active)
	{
		if (mrr == opening->mrr)
			return MOVED_NOT;
		*amount = mrr > opening->mrr ? mrr - opening->mrr : opening->mrr - mrr;
		return mrr > opening->mrr ? MOVED_EXPANSION : MOVED_CONTRACTION;
	}
	if (opening->active)
	{
		*amount = opening->mrr;
		return MOVED_CHURNED;
	}
	if (active)
	{
		*amount = mrr;
		return opening->ever_active ? MOVED_REACTIVATION : MOVED_NEW;
	}
	if (active_inside)
		return opening->ever_active ? MOVED_TRANSIENT : MOVED_TRANSIENT_NEW;
	return MOVED_NOT;
}

/* Count what one period did to one customer, who closes with "mrr". */
static inline MovementKind
count_movement(Flows *flows, const Opening *opening, bool active, int128 mrr, bool active_inside)
{
	int128		amount;
	MovementKind kind = movement_kind(opening, active, mrr, active_inside, &amount);

	flows->customers[kind]++;
	flows->mrr[kind] += amount;
	return kind;
}

/* Follow when a customer comes and goes: a change has happened to "before". */
static inline void
track_change(Track *track, const CustomerState *before, const CustomerState *after, int64 at, bool ever_active)
{
	if (before->active && !after->active)
	{
		track->left_at = at;
		track->left_mrr = before->mrr;
	}
	else if (!before->active && after->active)
	{
		if (!ever_active)
			track->life_at = at;
		else if (!track->is_back)
		{
			track->is_back = true;
			track->back_at = at;
			track->away_from = track->left_at;
			track->back_left_mrr = track->left_mrr;
		}
	}
}

/* Tell the one who asks about a movement; it is about the life at closing, of those who left about the one at opening. */
static void
tell(const MovementSeries *series, MovementSink sink, void *context, MovementKind kind, int first, int last,
	 int128 opening, int128 closing, const Track *track, int64 opening_life)
{
	Movement	movement;

	movement.kind = kind;
	movement.key[0] = series->key[0];
	movement.key[1] = series->key[1];
	movement.first = first;
	movement.last = last;
	movement.opening = opening;
	movement.closing = closing;
	movement.life_at = kind == MOVED_CHURNED ? opening_life : track->life_at;
	movement.left_at = track->left_at;
	movement.away_from = track->away_from;
	movement.back_at = track->back_at;
	movement.left_mrr = track->back_left_mrr;
	sink(context, &movement);
}

/*
 * Sweep one customer; the state before the first period is added to the first
 * standing.  Called with constants where speed matters.
 */
static pg_attribute_always_inline void
sweep_customer(const LedgerChange *changes, int64 n, MovementSeries *series,
			   bool by_rows, bool lives, bool events, MovementSink sink, void *context)
{
	const PeriodGrid *grid = &series->grid;
	CustomerState state = {0, 0, 0, false};
	bool		ever_active = false;
	Opening		opening = {0, false, false};
	bool		active_inside = false;
	Track		track = {0};
	int64		opening_life = 0;
	int			current = PERIOD_BEFORE;
	int64		i;

	for (i = 0; i <= n; i++)
	{
		int			period = i < n ? period_of(grid, changes[i].at) : grid->n;

		if (period == current && (!events || current == PERIOD_BEFORE))
			active_inside |= state.active;
		else
		{
			if (current != PERIOD_BEFORE)
			{
				MovementKind kind = count_movement(&series->flows[current], &opening, state.active, state.mrr,
												   active_inside);

				if (sink && (kind != MOVED_NOT || state.active))
					tell(series, sink, context, kind, current, Min(current + series->policy->lookback, grid->n) - 1,
						 opening.mrr, state.mrr, &track, opening_life);
			}
			else if (state.active)
			{
				series->standings[0].customers++;
				series->standings[0].mrr += state.mrr;
				if (sink && period == grid->n)
					tell(series, sink, context, MOVED_NOT, 0, grid->n - 1, state.mrr, state.mrr, &track, track.life_at);
			}
			if (period == grid->n)
				return;
			current = period;
			opening.mrr = state.mrr;
			opening.active = state.active;
			opening.ever_active = ever_active;
			active_inside = false;
			track.is_back = false;
			opening_life = track.life_at;
		}
		CHECK_FOR_INTERRUPTS_AT(i);
		if (lives && changes[i].rows == NEW_LIFE)
			ever_active = opening.ever_active = false;
		if (sink)
		{
			CustomerState before = state;

			apply_change(&state, &changes[i], by_rows);
			track_change(&track, &before, &state, changes[i].at, ever_active);
		}
		else
			apply_change(&state, &changes[i], by_rows);
		ever_active |= state.active;
	}
}

/* ------------------------------------------------------------------
 * Looking back over several periods
 * ------------------------------------------------------------------
 */

/* What one period made of a customer; the first of a list is what came before all periods. */
typedef struct Stage
{
	int			period;
	bool		active;			/* at its end, */
	int128		mrr;
	int64		times_active;	/* changes so far behind which the customer was active */
	int			life;			/* stage in which the life began that was the last active one, or none */
	Track		track;
} Stage;

#define NO_LIFE			PG_INT32_MAX

typedef struct Stages
{
	Stage	   *all;
	Size		allocated;
	int			n;
} Stages;

/* Bring the changes of a customer into stages. */
static void
make_stages(Stages *stages, const LedgerChange *changes, int64 n, const PeriodGrid *grid, bool by_rows, bool lives, bool track)
{
	CustomerState state = {0, 0, 0, false};
	Stage	   *stage;
	int64		i;

	if ((Size) n + 1 > stages->allocated)
	{
		if (stages->all)
			pfree(stages->all);
		stages->allocated = Max(n + n / 2 + 1, 64);
		stages->all = palloc_extended(stages->allocated * sizeof(Stage), MCXT_ALLOC_HUGE);
	}
	stage = stages->all;
	memset(stage, 0, sizeof(Stage));
	stage->period = PERIOD_BEFORE;
	stage->life = NO_LIFE;
	for (i = 0; i < n; i++)
	{
		int			period = period_of(grid, changes[i].at);
		CustomerState before = state;

		CHECK_FOR_INTERRUPTS_AT(i);
		if (period == grid->n)
			break;
		if (period != stage->period)
		{
			stage[1] = stage[0];
			stage++;
			stage->period = period;
			stage->track.is_back = false;
		}
		if (lives && changes[i].rows == NEW_LIFE)
			stage->life = NO_LIFE;
		apply_change(&state, &changes[i], by_rows);
		if (track)
			track_change(&stage->track, &before, &state, changes[i].at, stage->life != NO_LIFE);
		if (state.active && stage->life == NO_LIFE)
			stage->life = (int) (stage - stages->all);
		stage->times_active += state.active;
		stage->active = state.active;
		stage->mrr = state.mrr;
	}
	stages->n = (int) (stage - stages->all) + 1;
}

/*
 * Add a movement between two stages to the rows first .. last, as differences;
 * "back" is the stage in which a customer away at the opening came back.
 */
static void
look_back(MovementSeries *series, const Stage *stages, int from, int to, int first, int last,
		  int back, MovementSink sink, void *context)
{
	const Stage *closing = &stages[to];
	Opening		opening = {stages[from].mrr, stages[from].active, closing->life <= from};
	bool		active_inside = closing->times_active > stages[from].times_active;
	int128		amount;
	MovementKind kind = movement_kind(&opening, closing->active, closing->mrr, active_inside, &amount);

	series->flows[first].customers[kind]++;
	series->flows[first].mrr[kind] += amount;
	if (last + 1 < series->grid.n)
	{
		series->flows[last + 1].customers[kind]--;
		series->flows[last + 1].mrr[kind] -= amount;
	}
	if (sink && (kind != MOVED_NOT || closing->active))
	{
		Track		track = closing->track;

		if (kind == MOVED_REACTIVATION)
		{
			track = stages[back].track;
			track.life_at = closing->track.life_at;
		}
		tell(series, sink, context, kind, first, last, opening.mrr, closing->mrr, &track, stages[from].track.life_at);
	}
}

/* Sweep one customer whose openings lie several periods before the closings. */
static void
sweep_windows(Stages *stages, MovementSeries *series, MovementSink sink, void *context)
{
	const Stage *all = stages->all;
	int			lookback = series->policy->lookback;
	int			from = 0;
	int			to = 0;
	int			back = 0;
	int			row;
	int			i;

	series->standings[0].customers += all[0].active;
	series->standings[0].mrr += all[0].mrr;
	for (i = 1; i < stages->n; i++)
	{
		Standing   *standing = &series->standings[all[i].period + 1];

		standing->customers += (int) all[i].active - (int) all[i - 1].active;
		standing->mrr += all[i].mrr - all[i - 1].mrr;
	}
	row = stages->n > 1 ? all[1].period : series->grid.n;
	if (sink && stages->n == 1 && all[0].active)
		tell(series, sink, context, MOVED_NOT, 0, row - 1, all[0].mrr, all[0].mrr, &all[0].track, all[0].track.life_at);
	while (row < series->grid.n)
	{
		int			next = series->grid.n;

		CHECK_FOR_INTERRUPTS_AT(row);
		while (to + 1 < stages->n && all[to + 1].period <= row)
			to++;
		while (from < to && all[from + 1].period + lookback <= row)
			from++;
		if (to + 1 < stages->n)
			next = Min(next, all[to + 1].period);
		if (from < to)
		{
			next = Min(next, all[from + 1].period + lookback);
			while (back < to && (back <= from || !all[back].track.is_back))
				back++;
			look_back(series, all, from, to, row, next - 1, back, sink, context);
		}
		row = next;
	}
}

/* Make flows that hold differences between rows whole. */
static void
add_up_flows(MovementSeries *series)
{
	int			row;
	int			kind;

	for (row = 1; row < series->grid.n; row++)
		for (kind = 0; kind < MOVEMENT_KINDS; kind++)
		{
			series->flows[row].customers[kind] += series->flows[row - 1].customers[kind];
			series->flows[row].mrr[kind] += series->flows[row - 1].mrr[kind];
		}
}

/* Make each row's flows the sum over the look-back. */
static void
sum_over_lookback(MovementSeries *series)
{
	int			lookback = series->policy->lookback;
	int			row;
	int			kind;

	add_up_flows(series);
	for (row = series->grid.n - 1; row >= lookback; row--)
		for (kind = 0; kind < MOVEMENT_KINDS; kind++)
		{
			series->flows[row].customers[kind] -= series->flows[row - lookback].customers[kind];
			series->flows[row].mrr[kind] -= series->flows[row - lookback].mrr[kind];
		}
}

/* The standings at all bounds, from the first one and what happened in each period. */
static void
add_up_standings(MovementSeries *series)
{
	int			i;

	for (i = 0; i < series->grid.n; i++)
	{
		const Flows *f = &series->flows[i];
		const Standing *opening = &series->standings[i];

		series->standings[i + 1].customers = opening->customers + f->customers[MOVED_NEW] +
			f->customers[MOVED_REACTIVATION] - f->customers[MOVED_CHURNED];
		series->standings[i + 1].mrr = opening->mrr + f->mrr[MOVED_NEW] + f->mrr[MOVED_REACTIVATION] +
			f->mrr[MOVED_EXPANSION] - f->mrr[MOVED_CONTRACTION] - f->mrr[MOVED_CHURNED];
	}
}

/* ------------------------------------------------------------------
 * Ledgers
 * ------------------------------------------------------------------
 */

/* Are a policy's openings and closings compared across periods? */
static bool
compares_windows(const ChurnPolicy *policy)
{
	return policy->lookback > 1 && !policy->events;
}

/* A series over the grid that it has, with nothing counted yet. */
void
series_begin(MovementSeries *series, const ChurnPolicy *policy, bool has_mrr)
{
	series->policy = policy;
	series->has_mrr = has_mrr;
	series->flows = palloc_extended(series->grid.n * sizeof(Flows), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	series->standings = palloc0((series->grid.n + 1) * sizeof(Standing));
}

/* Count all customers of a ledger into a series; "sink" hears of each movement. */
void
series_add(MovementSeries *series, const Ledger *ledger, const Clock *clock,
		   MovementSink sink, void *context)
{
	const ChurnPolicy *policy = series->policy;
	bool		windows = compares_windows(policy);
	Stages		stages = {0};
	History		history;
	LedgerScan	scan;

	customer_history_begin(&history, policy, clock, series->has_mrr);
	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
	{
		if (!history.rewrite && !policy->events && !windows && sink == NULL)
		{
			if (history.by_rows)
				sweep_customer(scan.changes, scan.n, series, true, false, false, NULL, NULL);
			else
				sweep_customer(scan.changes, scan.n, series, false, false, false, NULL, NULL);
			continue;
		}
		series->key[0] = scan.key[0];
		series->key[1] = scan.key[1];
		customer_history_of(&history, scan.changes, scan.n);
		if (windows)
		{
			make_stages(&stages, history.changes, history.n, &series->grid, history.by_rows, history.lives, sink != NULL);
			sweep_windows(&stages, series, sink, context);
		}
		else if (sink)
			sweep_customer(history.changes, history.n, series, history.by_rows, history.lives, policy->events, sink, context);
		else
			sweep_customer(history.changes, history.n, series, history.by_rows, history.lives, policy->events, NULL, NULL);
	}
	ledger_scan_end(&scan);
	customer_history_end(&history);
	if (stages.all)
		pfree(stages.all);
}

/* Bring flows and standings into their final form, when all customers are counted. */
void
series_end(MovementSeries *series)
{
	int			i;

	if (compares_windows(series->policy))
	{
		for (i = 0; i < series->grid.n; i++)
		{
			series->standings[i + 1].customers += series->standings[i].customers;
			series->standings[i + 1].mrr += series->standings[i].mrr;
		}
		add_up_flows(series);
	}
	else
	{
		add_up_standings(series);
		if (series->policy->lookback > 1)
			sum_over_lookback(series);
	}
}

/* The movements of a ledger on the grid that a request asks for; false where there is nothing to report. */
bool
movement_series(const Ledger *ledger, const ReportRequest *request, MovementSeries *series,
				MovementSink sink, void *context)
{
	bool		instants = (ledger->flags & LEDGER_INSTANTS) != 0;
	int64		first_start = 0;
	bool		has_rows = ledger_first_start(ledger, &first_start);
	Clock		clock = period_clock(&request->periods, instants);

	if (!periods_make(&request->periods, instants, has_rows, first_start, false, &series->grid))
		return false;
	series_begin(series, &request->policy, (ledger->flags & LEDGER_HAS_MRR) != 0);
	series_add(series, ledger, &clock, sink, context);
	series_end(series);
	return true;
}

/* ------------------------------------------------------------------
 * Rates
 * ------------------------------------------------------------------
 */

/* What the rates of a row alone are made of. */
RateParts
rate_parts(const MovementSeries *series, int row)
{
	const ChurnPolicy *policy = series->policy;
	const Flows *f = &series->flows[row];
	const Standing *opening = series_opening(series, row);
	int64		transient_new = f->customers[MOVED_TRANSIENT_NEW];
	RateParts	parts;

	parts.lost = f->customers[MOVED_CHURNED];
	if (policy_counts_transient(policy))
		parts.lost += f->customers[MOVED_TRANSIENT] + transient_new;
	parts.of = opening->customers;
	if (policy->denominator == DENOMINATOR_OPENING_PLUS_NEW)
		parts.of += f->customers[MOVED_NEW] + transient_new;
	else if (policy->denominator == DENOMINATOR_AVERAGE)
	{
		parts.lost *= 2;
		parts.of += series->standings[row + 1].customers;
	}
	parts.lost_mrr = f->mrr[MOVED_CONTRACTION] + f->mrr[MOVED_CHURNED];
	parts.net_lost_mrr = parts.lost_mrr - f->mrr[MOVED_EXPANSION];
	if (policy->reactivation_offsets)
		parts.net_lost_mrr -= f->mrr[MOVED_REACTIVATION];
	parts.opening_mrr = opening->mrr;
	return parts;
}

/* Add a row's parts to a sum, or take them off. */
static void
add_parts(RateParts *sum, const RateParts *parts, int sign)
{
	sum->lost += sign * parts->lost;
	sum->of += sign * parts->of;
	sum->lost_mrr += sign * parts->lost_mrr;
	sum->net_lost_mrr += sign * parts->net_lost_mrr;
	sum->opening_mrr += sign * parts->opening_mrr;
}

/*
 * What the rates of a row are made of when smoothed.  To be asked row after row
 * from the first one of the grid on, with a sum that is zero at first.
 */
RateParts
smoothed_parts(const MovementSeries *series, int row, RateParts *sum)
{
	int			before = row - series->policy->smoothing;
	RateParts	parts = rate_parts(series, row);

	add_parts(sum, &parts, 1);
	if (before >= 0)
	{
		parts = rate_parts(series, before);
		add_parts(sum, &parts, -1);
	}
	return *sum;
}
