/*
 * history.c
 *		A customer's changes as a policy wants them counted.  See docs/policy.md.
 *
 * One pass: a gap is judged when its end is known, and until then the place of
 * the change that opened it stays empty.
 */
#include "postgres.h"

#include "common/int.h"

#include "history.h"

/* An interval with its bounds. */
TimeSpan
time_span(const Interval *interval, bool instants)
{
	/* a zone's clock can be set, and its rules can say far from the sun's time */
	int64		slack = instants ? 15 * USECS_PER_DAY : 0;
	int64		years = interval->month / 12;
	int64		months = interval->month % 12;
	TimeSpan	span;

	span.interval = *interval;
	span.least = (years * 365 + months * 28 + interval->day) * USECS_PER_DAY + interval->time - slack;
	span.most = (years * 366 + months * 31 + interval->day) * USECS_PER_DAY + interval->time + slack;
	return span;
}

/* Below, at or above 0 as the time from a moment to another is shorter, as long or longer than a span. */
int
compare_span(const Clock *clock, int64 from, int64 to, const TimeSpan *span)
{
	int64		elapsed;
	int64		end;

	if (pg_sub_s64_overflow(to, from, &elapsed) || elapsed > span->most)
		return 1;
	if (elapsed < span->least)
		return -1;
	CHECK_FOR_INTERRUPTS();
	end = clock_add(clock, from, &span->interval);
	return to < end ? -1 : to > end;
}

/* Prepare for the customers of one ledger. */
void
customer_history_begin(History *history, const ChurnPolicy *policy, const Clock *clock, bool has_mrr)
{
	history->raw_by_rows = !has_mrr || policy->count_free;
	history->rewrite = policy_changes_history(policy);
	history->by_rows = history->rewrite || history->raw_by_rows;
	history->lives = policy->has_window;
	history->at = policy->at;
	history->clock = clock;
	history->grace = time_span(&policy->grace, clock->instants);
	history->minimum_absence = time_span(&policy->minimum_absence, clock->instants);
	history->window = time_span(&policy->reactivation_window, clock->instants);
	if (interval_is_zero(&policy->grace))
		history->grace.most = -1;	/* no gap is as short */
	if (interval_is_zero(&policy->minimum_absence))
		history->minimum_absence.most = -1;
	history->buffer = history->few;
	history->allocated = lengthof(history->few);
}

/* Give back the scratch memory. */
void
customer_history_end(History *history)
{
	if (history->buffer != history->few)
		pfree(history->buffer);
}

/* A moment as the boundary wants it; there is none before the first. */
static inline int64
shifted(const History *history, int64 at)
{
	return history->at && at > MIN_TIMESTAMP ? at - 1 : at;
}

/* Write the changes of a customer anew, at most as many as there are. */
void
customer_history_rewrite(History *history, const LedgerChange *changes, int64 n)
{
	CustomerState state = {0, 0, 0, false};
	LedgerChange *gap = NULL;	/* where the change belongs that makes the customer inactive */
	int64		life = 1;		/* what "rows" is in the current stretch */
	int128		counted = 0;	/* MRR as written, up to the gap */
	LedgerChange *out;
	int64		i;

	if (unlikely((Size) n > history->allocated))
	{
		if (history->buffer != history->few)
			pfree(history->buffer);
		history->allocated = n + n / 2;
		history->buffer = palloc_extended(history->allocated * sizeof(LedgerChange), MCXT_ALLOC_HUGE);
	}
	out = history->buffer;
	for (i = 0; i < n; i++)
	{
		bool		was_active = state.active;
		int64		at = changes[i].at;
		int64		rows = 0;

		CHECK_FOR_INTERRUPTS_AT(i);
		apply_change(&state, &changes[i], history->raw_by_rows);
		if (was_active && !state.active)
		{
			gap = out++;
			gap->at = at;
			continue;
		}
		if (!state.active)
			continue;
		if (gap && compare_span(history->clock, gap->at, at, &history->grace) <= 0)
			out = gap;			/* it never was */
		else if (gap)
		{
			int64		left = gap->at;

			gap->at = shifted(history, left);
			gap->rows = 0;
			gap->mrr = -counted;
			counted = 0;
			if (compare_span(history->clock, left, at, &history->minimum_absence) >= 0)
			{
				gap->rows = -life;
				life = history->lives && compare_span(history->clock, left, at, &history->window) > 0 ? NEW_LIFE : 1;
				rows = life;
			}
		}
		else if (!was_active)
			rows = life;
		gap = NULL;
		if (rows == 0 && state.mrr == counted)
			continue;
		out->at = shifted(history, at);
		out->rows = rows;
		out->mrr = state.mrr - counted;
		out++;
		counted = state.mrr;
	}
	if (gap)
	{
		gap->at = shifted(history, gap->at);
		gap->rows = -life;
		gap->mrr = -counted;
	}
	history->changes = history->buffer;
	history->n = out - history->buffer;
}
