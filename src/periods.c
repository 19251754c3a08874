/*
 * periods.c
 *		The grid of periods: calendar arithmetic, time zones, lookup.
 *
 * docs/periods.md states the rules.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "checks.h"
#include "periods.h"

#define MAX_PERIODS		100000
#define MAX_SLOTS		65536

/* 2001-01-01, a Monday and a New Year's Day. */
#define DEFAULT_ORIGIN	(date2j(2001, 1, 1) - POSTGRES_EPOCH_JDATE)

/* Bounds must be dates that a timestamp can hold. */
#define DATE_MIN		(DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)
#define DATE_LIMIT		(TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)

/* A date argument; raises 22023 unless it is a day of the calendar. */
DateADT
finite_date(DateADT date, const char *argument)
{
	if (DATE_NOT_FINITE(date) || date < DATE_MIN || date >= DATE_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a date from 4714-11-24 BC to 294276-12-31, not %s", argument,
						DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date))))));
	return date;
}

/*
 * Read the arguments "every" (a length of 0 where it is NULL), "since" and behind
 * it until and time_zone, and "origin".
 */
PeriodRequest
period_request(FunctionCallInfo fcinfo, int every, int since, int origin)
{
	PeriodRequest request = {0};

	if (!PG_ARGISNULL(every))
	{
		Interval   *length = PG_GETARG_INTERVAL_P(every);

		check_interval("every", length);
		request.months = length->month;
		request.days = length->day;
	}
	request.has_since = !PG_ARGISNULL(since);
	if (request.has_since)
		request.since = finite_date(PG_GETARG_DATEADT(since), "since");
	request.has_until = !PG_ARGISNULL(since + 1);
	if (request.has_until)
		request.until = finite_date(PG_GETARG_DATEADT(since + 1), "until");
	if (request.has_since && request.has_until && request.since >= request.until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be before until, not %s and %s",
						DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(request.since))),
						DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(request.until)))),
				 errhint("until is exclusive: the day after the last one.")));
	if (!PG_ARGISNULL(since + 2))
	{
		request.time_zone = PG_GETARG_TEXT_PP(since + 2);
		/* unknown zones are an error even where no instants need one */
		DirectFunctionCall2(timestamp_zone, PointerGetDatum(request.time_zone), TimestampGetDatum(0));
	}
	request.origin = DEFAULT_ORIGIN;
	if (!PG_ARGISNULL(origin))
		request.origin = finite_date(PG_GETARG_DATEADT(origin), "origin");
	return request;
}

/* a / b rounded down, for b above 0. */
static inline int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b != 0 && a < 0);
}

/* The k-th line of the grid, as days since 2000-01-01; it may lie beyond what a date holds. */
static int64
grid_line(const PeriodRequest *request, int64 k)
{
	int			year;
	int			month;
	int			day;
	int64		months;

	if (request->days > 0)
		return request->origin + k * request->days;
	j2date(request->origin + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	months = (int64) year * 12 + (month - 1) + k * request->months;
	year = (int) floor_div(months, 12);
	month = (int) (months - (int64) year * 12) + 1;
	if (year > 294276 || year < -4713)
		return year > 0 ? DATE_LIMIT : DATE_MIN - 1;
	day = Min(day, day_tab[isleap(year)][month - 1]);
	return (int64) date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

/* The number of the grid's last line on or before a date. */
static int64
grid_index(const PeriodRequest *request, DateADT date)
{
	int			year1;
	int			month1;
	int			day1;
	int			year2;
	int			month2;
	int			day2;
	int64		k;

	if (request->days > 0)
		return floor_div((int64) date - request->origin, request->days);
	j2date(request->origin + POSTGRES_EPOCH_JDATE, &year1, &month1, &day1);
	j2date(date + POSTGRES_EPOCH_JDATE, &year2, &month2, &day2);
	k = floor_div(((int64) year2 - year1) * 12 + month2 - month1, request->months);
	/* days that a month lacks are clipped, so the estimate is off by one at most */
	while (grid_line(request, k) > date)
		k--;
	while (grid_line(request, k + 1) <= date)
		k++;
	return k;
}

/* The rules of a zone that is known to be one; NULL for abbreviations, which come first. */
static pg_tz *
zone_rules(text *zone)
{
	char		name[TZ_STRLEN_MAX + 1];
	pg_tz	   *rules = NULL;
	int			offset;

	text_to_cstring_buffer(zone, name, sizeof(name));
#if PG_VERSION_NUM >= 160000
	if (DecodeTimezoneName(name, &offset, &rules) != TZNAME_ZONE)
		return NULL;
#else
	if (DecodeTimezoneAbbrev(0, downcase_truncate_identifier(name, strlen(name), false), &offset, &rules) != UNKNOWN_FIELD)
		return NULL;
	rules = pg_tzset(name);
#endif
	return rules;
}

/* The clock of a report over local time or over instants. */
Clock
period_clock(const PeriodRequest *request, bool instants)
{
	Clock		clock = {instants, NULL, NULL};

	if (instants)
		clock.rules = request->time_zone ? zone_rules(request->time_zone) : session_timezone;
	if (instants && clock.rules == NULL)
		clock.abbreviation = request->time_zone;
	return clock;
}

/* Raises 22008 for a time that cannot be held. */
static void
time_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

/* The server's own conversion, whose scratch memory is given back. */
static int64
convert_by_abbreviation(const Clock *clock, PGFunction function, int64 time)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "time zone", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Datum		result = DirectFunctionCall2(function, PointerGetDatum(clock->abbreviation), TimestampGetDatum(time));

	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return DatumGetTimestamp(result);
}

/* The moment at which a clock on the wall shows a time. */
static int64
to_moment(const Clock *clock, int64 local)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	Timestamp	moment;

	if (!clock->instants)
		return local;
	if (clock->abbreviation)
		return convert_by_abbreviation(clock, timestamp_zone, local);
	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		time_out_of_range();
	offset = DetermineTimeZoneOffset(&tm, clock->rules);
	if (tm2timestamp(&tm, fsec, &offset, &moment) != 0)
		time_out_of_range();
	return moment;
}

/* A moment as the clock on the wall shows it. */
static int64
to_local(const Clock *clock, int64 moment)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	Timestamp	local;

	if (!clock->instants)
		return moment;
	if (clock->abbreviation)
		return convert_by_abbreviation(clock, timestamptz_zone, moment);
	if (timestamp2tm(moment, &offset, &tm, &fsec, NULL, clock->rules) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &local) != 0)
		time_out_of_range();
	return local;
}

/* Midnight that begins a date. */
int64
clock_midnight(const Clock *clock, DateADT date)
{
	return to_moment(clock, date * USECS_PER_DAY);
}

/*
 * A moment and a length of time: months and days go by the calendar, hours by
 * the time that passes.  The end of time where the sum lies beyond it.
 */
int64
clock_add(const Clock *clock, int64 moment, const Interval *interval)
{
	Interval	calendar = *interval;

	/* no axis takes more than a hundred years */
	if (moment >= END_TIMESTAMP - 101 * 366 * USECS_PER_DAY)
		return PG_INT64_MAX;
	if (calendar.month != 0 || calendar.day != 0)
	{
		Datum		local = TimestampGetDatum(to_local(clock, moment));

		calendar.time = 0;
		local = DirectFunctionCall2(timestamp_pl_interval, local, IntervalPGetDatum(&calendar));
		moment = to_moment(clock, DatumGetTimestamp(local));
	}
	return moment + interval->time;
}

/* The day that a moment belongs to: the last one that has begun. */
DateADT
clock_date(const Clock *clock, int64 moment)
{
	Datum		local = TimestampGetDatum(to_local(clock, moment));
	DateADT		date = DatumGetDateADT(DirectFunctionCall1(timestamp_date, local));

	/* where clocks go back to before midnight, the day begins the second time */
	if (clock_midnight(clock, date) > moment)
		date--;
	return date;
}

/* Fill the table that period_of looks up. */
static void
make_slots(PeriodGrid *grid)
{
	uint64		span = (uint64) grid->moments[grid->n] - (uint64) grid->moments[0];
	int			period = 0;
	int64		slot;

	grid->shift = 36;			/* 19 hours, less than a day */
	while ((span >> grid->shift) + 1 > MAX_SLOTS)
		grid->shift++;
	grid->nslots = (int64) (span >> grid->shift) + 1;
	grid->slots = palloc(grid->nslots * sizeof(int32));
	for (slot = 0; slot < grid->nslots; slot++)
	{
		int64		begin = (int64) ((uint64) grid->moments[0] + ((uint64) slot << grid->shift));

		while (period < grid->n - 1 && begin >= grid->moments[period + 1])
			period++;
		grid->slots[slot] = period;
	}
}

/* Make a grid of one period between two moments; it has no dates. */
void
period_between(int64 from, int64 until, PeriodGrid *grid)
{
	memset(grid, 0, sizeof(*grid));
	grid->n = 1;
	grid->moments = palloc(2 * sizeof(int64));
	grid->moments[0] = from;
	grid->moments[1] = until;
	make_slots(grid);
}

/* Has a date been over for as long as the request wants it, so that nothing can change any more? */
static bool
is_settled(const PeriodRequest *request, DateADT end, DateADT today)
{
	int			i;

	if (end > today)
		return false;
	for (i = 0; i < (int) lengthof(request->settle); i++)
	{
		static const Clock local;

		if (clock_add(&local, end * USECS_PER_DAY, &request->settle[i]) > today * USECS_PER_DAY)
			return false;
	}
	return true;
}

/*
 * Make the grid for a ledger.  Returns false where there is no period to
 * report.  With whole_history it reaches back to the first start, whatever
 * since says, and "shown" tells where since begins; so it does behind the
 * periods that are only looked back at.
 */
bool
periods_make(const PeriodRequest *request, bool instants, bool has_rows,
			 int64 first_start, bool whole_history, PeriodGrid *grid)
{
	Clock		clock = period_clock(request, instants);
	DateADT		today = instants ? clock_date(&clock, GetCurrentTransactionStartTimestamp()) :
		GetSQLCurrentDate();
	DateADT		until = request->has_until ? request->until : today + 1;
	DateADT		since = request->since;
	int64		first;
	int64		last;
	int64		k;
	int			i;

	memset(grid, 0, sizeof(*grid));
	if (!has_rows && !(request->has_since && request->has_until))
		return false;
	if (has_rows && (!request->has_since || whole_history))
	{
		DateADT		first_day = clock_date(&clock, request->at ? Max(first_start - 1, MIN_TIMESTAMP) : first_start);
		DateADT		start = (DateADT) Max(grid_line(request, grid_index(request, first_day)), DATE_MIN);

		if (!request->has_since)
			since = start;
		else if (start < since)
			since = start;
	}
	if (since >= until)
		return false;

	first = grid_index(request, since);
	last = grid_index(request, until - 1);
	if (request->earlier > 0)
		since = (DateADT) Max(grid_line(request, first), DATE_MIN);
	if (last - first + 1 > MAX_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d periods: " INT64_FORMAT, MAX_PERIODS, last - first + 1),
				 errhint("Use longer periods, or a later since and an earlier until.")));
	first -= request->earlier;
	grid->n = (int) (last - first + 1);
	grid->shown = request->earlier;
	grid->dates = palloc((grid->n + 1) * sizeof(DateADT));
	grid->moments = palloc((grid->n + 1) * sizeof(int64));
	grid->grid_dates = palloc(grid->n * sizeof(DateADT));
	grid->complete = palloc(grid->n * sizeof(bool));
	for (i = 0, k = first; i < grid->n; i++, k++)
	{
		int64		begin = grid_line(request, k);
		int64		end = grid_line(request, k + 1);

		grid->grid_dates[i] = (DateADT) Max(begin, DATE_MIN);
		grid->dates[i] = i < request->earlier ? grid->grid_dates[i] : Max(grid->grid_dates[i], since);
		grid->dates[i + 1] = (DateADT) Max(Min(end, until), DATE_MIN);
		grid->complete[i] = begin >= since && end <= until && is_settled(request, (DateADT) end, today);
		if (whole_history && request->has_since && end <= request->since)
			grid->shown = i + 1;
	}
	for (i = 0; i <= grid->n; i++)
		grid->moments[i] = clock_midnight(&clock, grid->dates[i]);
	grid->last_uncut = clock_midnight(&clock, (DateADT) Min(grid_line(request, last + 1), DATE_LIMIT - 1));

	if (whole_history && request->has_since && grid->shown < grid->n &&
		grid->dates[grid->shown] < request->since)
	{
		/* the period that since cuts: shown as the series shows it */
		grid->dates[grid->shown] = request->since;
		grid->complete[grid->shown] = false;
	}
	make_slots(grid);
	return true;
}
