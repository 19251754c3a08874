/*
 * canonical.c
 *		Writing, uniting and checking the canonical bytes of a ledger.
 *
 * The layout and the reasons for it stand in ledger.h.
 */
#include "postgres.h"

#include <limits.h>

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "canonical.h"
#include "policy.h"

/* The largest magnitude of one change of MRR: 80 bits of millionths. */
#define AMOUNT_LIMIT	((uint128) 1 << 80)

/* Report bytes that no function of ours wrote. */
void
ledger_corrupted(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("subscription_ledger holds malformed bytes"),
			 errhint("Rebuild the ledger from its subscription rows.")));
}

/* Make room for that many more bytes in the context that holds the run. */
static void
run_reserve(LedgerRun *run, Size bytes)
{
	if (run->allocated - run->used >= bytes)
		return;
	run->allocated = Max(run->used + bytes, run->allocated + run->allocated / 2);
	run->data = repalloc_huge(run->data, run->allocated);
}

/* How many bytes an integer needs: 1 to 8. */
static inline int
bytes_of(uint64 value)
{
	return (pg_leftmost_one_pos64(value | 1) + 8) / 8;
}

/* Write an integer of n bytes; up to eight bytes at p are overwritten. */
static inline uint8 *
put_integer(uint8 *p, uint64 value, int n)
{
	store_u64(p, value);
	return p + n;
}

/* Append one breakpoint at p; at least CHANGE_MAX_BYTES must be free there. */
static pg_attribute_always_inline uint8 *
put_change(uint8 *p, int64 previous, const LedgerChange *change)
{
	uint8	   *control_at = p;
	uint16		control = 0;
	uint64		distance = (uint64) change->at - (uint64) previous;
	uint128		amount = change->mrr < 0 ? -(uint128) change->mrr : (uint128) change->mrr;
	int			unit;
	int			bytes;

	for (unit = 0; unit < 3; unit++)
		if (distance % (uint64) moment_units[unit] == 0)
			break;
	distance /= (uint64) moment_units[unit];
	bytes = bytes_of(distance);
	control |= (bytes - 1) | unit << 3;
	p = put_integer(p + 2, distance, bytes);

	if (change->rows == 1)
		control |= ROWS_PLUS_ONE << 11;
	else if (change->rows == -1)
		control |= ROWS_MINUS_ONE << 11;
	else if (change->rows != 0)
	{
		if (change->rows > INT_MAX || change->rows < -INT_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("more than %d rows of one customer change at one moment", INT_MAX)));
		control |= ROWS_EXPLICIT << 11;
		p = put_integer(p, (uint32) change->rows, 4);
	}

	if (amount != 0)
	{
		if (unlikely(amount >= AMOUNT_LIMIT))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the mrr of one customer changes by more than the ledger can hold at one moment"),
					 errdetail("The limit is 2^80 millionths.")));
		if (change->mrr < 0)
			control |= CHANGE_NEGATIVE;
		if (likely((amount >> 64) == 0))
		{
			uint64		small = (uint64) amount;

			if (small % MICROS_PER_CENT == 0)
				small /= MICROS_PER_CENT;
			else
				control |= CHANGE_MILLIONTHS;
			bytes = bytes_of(small);
			p = put_integer(p, small, bytes);
		}
		else
		{
			if (amount % MICROS_PER_CENT == 0)
				amount /= MICROS_PER_CENT;
			else
				control |= CHANGE_MILLIONTHS;
			if ((amount >> 64) == 0)
			{
				bytes = bytes_of((uint64) amount);
				p = put_integer(p, (uint64) amount, bytes);
			}
			else
			{
				int			high = bytes_of((uint64) (amount >> 64));

				bytes = 8 + high;
				p = put_integer(p, (uint64) amount, 8);
				p = put_integer(p, (uint64) (amount >> 64), high);
			}
		}
		control |= bytes << 5;
	}
	control_at[0] = (uint8) control;
	control_at[1] = (uint8) (control >> 8);
	return p;
}

/*
 * Append a customer with its breakpoints, which are in order, at distinct
 * moments, and none of them nothing.
 */
void
run_add_customer(LedgerRun *run, bool wide, const uint64 *key,
				 const LedgerChange *changes, int64 n)
{
	uint8	   *p;
	uint8	   *start;
	Size		length;
	int64		previous = JULIAN_ZERO;
	int64		i;

	run_reserve(run, 16 + 5 + 8 + (Size) n * CHANGE_MAX_BYTES);
	p = run->data + run->used;
	store_u64(p, key[0]);
	p += 8;
	if (wide)
	{
		store_u64(p, key[1]);
		p += 8;
	}
	start = ++p;				/* behind a length of one byte */
	for (i = 0; i < n; i++)
	{
		p = put_change(p, previous, &changes[i]);
		previous = changes[i].at;
		CHECK_FOR_INTERRUPTS_AT(i);
	}
	length = p - start;
	if (likely(length < 0x80))
		start[-1] = (uint8) length;
	else
	{
		int			extra = 0;
		Size		rest;

		for (rest = length >> 7; rest != 0; rest >>= 7)
			extra++;
		memmove(start + extra, start, length);
		p += extra;
		for (rest = length, start--; rest >= 0x80; rest >>= 7)
			*start++ = (uint8) (rest | 0x80);
		*start = (uint8) rest;
	}
	run->used = p - run->data;
	run->customers++;
}

/*
 * Add up the changes of equal moments in an ordered array and drop those that
 * become nothing; returns how many are left.
 */
int64
changes_add_up(LedgerChange *changes, int64 n)
{
	int64		kept = 0;
	int64		i = 0;

	while (i < n)
	{
		LedgerChange sum = changes[i++];

		CHECK_FOR_INTERRUPTS_AT(i);
		while (i < n && changes[i].at == sum.at)
		{
			sum.rows += changes[i].rows;
			sum.mrr += changes[i].mrr;
			i++;
		}
		if (sum.rows != 0 || sum.mrr != 0)
			changes[kept++] = sum;
	}
	return kept;
}

/* Append the union of one customer's breakpoints in two ledgers. */
static void
merge_customer(LedgerRun *run, bool wide, const LedgerCustomer *a, const LedgerCustomer *b)
{
	LedgerChange few[64];
	LedgerChange *changes = few;
	Size		most = ((a->end - a->changes) + (b->end - b->changes)) / 3 + 2;
	const uint8 *pos_a = a->changes;
	const uint8 *pos_b = b->changes;
	LedgerChange next_a = ledger_start_change();
	LedgerChange next_b = ledger_start_change();
	bool		has_a = ledger_next_change(a, &pos_a, &next_a);
	bool		has_b = ledger_next_change(b, &pos_b, &next_b);
	int64		n = 0;

	if (most > lengthof(few))
		changes = palloc_extended(most * sizeof(LedgerChange), MCXT_ALLOC_HUGE);
	while (has_a || has_b)
	{
		if (has_a && (!has_b || next_a.at <= next_b.at))
		{
			changes[n++] = next_a;
			has_a = ledger_next_change(a, &pos_a, &next_a);
		}
		else
		{
			changes[n++] = next_b;
			has_b = ledger_next_change(b, &pos_b, &next_b);
		}
	}
	n = changes_add_up(changes, n);
	if (n > 0)
		run_add_customer(run, wide, a->key, changes, n);
	if (changes != few)
		pfree(changes);
}

/* Append customer blocks as they are. */
static inline void
copy_blocks(LedgerRun *run, const uint8 *from, const uint8 *to, uint32 customers)
{
	if (to > from)
	{
		run_reserve(run, to - from);
		memcpy(run->data + run->used, from, to - from);
		run->used += to - from;
		run->customers += customers;
	}
}

/*
 * Append the union of two ledgers of one kind to an empty run: blocks of
 * customers that only one of them has are copied, the others merged.
 */
void
run_merge(LedgerRun *run, const LedgerView *a, const LedgerView *b)
{
	bool		wide = ledger_wide_key(a->flags);
	const LedgerView *views[2] = {a, b};
	const uint8 *block[2] = {a->data, b->data};	/* first block not yet copied */
	const uint8 *next[2] = {a->data, b->data};	/* block behind the current one */
	const uint8 *current[2] = {a->data, b->data};
	uint32		pending[2] = {0, 0};
	LedgerCustomer customer[2];
	bool		has[2];
	uint32		loops = 0;
	int			i;

	run_reserve(run, (a->end - a->data) + (b->end - b->data) + 64);
	for (i = 0; i < 2; i++)
		has[i] = ledger_next_customer(views[i]->end, wide, &next[i], &customer[i]);
	while (has[0] && has[1])
	{
		bool		same = customer[0].key[0] == customer[1].key[0] &&
			customer[0].key[1] == customer[1].key[1];

		if ((++loops & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (same)
		{
			for (i = 0; i < 2; i++)
			{
				copy_blocks(run, block[i], current[i], pending[i]);
				pending[i] = 0;
			}
			merge_customer(run, wide, &customer[0], &customer[1]);
			for (i = 0; i < 2; i++)
			{
				block[i] = current[i] = next[i];
				has[i] = ledger_next_customer(views[i]->end, wide, &next[i], &customer[i]);
			}
			continue;
		}

		i = customer[0].key[0] > customer[1].key[0] ||
			(customer[0].key[0] == customer[1].key[0] &&
			 customer[0].key[1] > customer[1].key[1]);
		/* the smaller one goes first: what the other side holds back went before */
		if (pending[1 - i] > 0)
		{
			copy_blocks(run, block[1 - i], current[1 - i], pending[1 - i]);
			block[1 - i] = current[1 - i];
			pending[1 - i] = 0;
		}
		pending[i]++;
		current[i] = next[i];
		has[i] = ledger_next_customer(views[i]->end, wide, &next[i], &customer[i]);
	}
	for (i = 0; i < 2; i++)
		if (!has[i])
			copy_blocks(run, block[i], current[i], pending[i]);
	for (i = 0; i < 2; i++)
		if (has[i])
		{
			uint32		rest = pending[i];

			do
				rest++;
			while (ledger_next_customer(views[i]->end, wide, &next[i], &customer[i]));
			copy_blocks(run, block[i], views[i]->end, rest);
		}
}

/*
 * Read what follows the varlena length up to the first customer.  Returns NULL
 * and fills the view where the header is sound, else what is wrong.
 */
const char *
ledger_open_header(const uint8 *data, Size length, LedgerView *view)
{
	const Size	fixed = sizeof(LedgerHeader) - VARHDRSZ;
	const uint8 *p = data + fixed;

	if (length < fixed)
		return "it is too short.";
	if (data[0] != LEDGER_VERSION)
		return "its version is unknown.";
	view->flags = data[1];
	view->customers = load_u32(data + 4);
	if ((view->flags & (LEDGER_HAS_PERIOD | LEDGER_HAS_POLICY)) == LEDGER_HAS_POLICY ||
		(view->flags & LEDGER_CUSTOMER_MASK) == LEDGER_CUSTOMER_MASK ||
		data[2] != 0 || data[3] != 0)
		return "its reserved bits are set.";
	memset(&view->period, 0, sizeof(view->period));
	if (view->flags & LEDGER_HAS_PERIOD)
	{
		if (length < fixed + period_size(view->flags))
			return "it is too short.";
		load_period(p, view->flags, &view->period);
		p += period_size(view->flags);
	}
	view->data = p;
	view->end = data + length;
	return NULL;
}

/* Is the breakpoint at p what put_change would have written for it? */
static bool
change_is_canonical(const uint8 *p, const uint8 *end, int64 previous, const LedgerChange *change)
{
	uint8		again[CHANGE_MAX_BYTES + 8];
	uint8	   *stop;
	uint128		amount = change->mrr < 0 ? -(uint128) change->mrr : (uint128) change->mrr;

	if (change->rows > INT_MAX || change->rows < -INT_MAX || amount >= AMOUNT_LIMIT)
		return false;
	stop = put_change(again, previous, change);
	return stop - again == end - p && memcmp(again, p, end - p) == 0;
}

/*
 * Does the breakpoint at p lie wholly before "end"?  What ledger_next_change
 * would report as an error is asked here first.
 */
static bool
change_fits(const uint8 *p, const uint8 *end)
{
	uint16		control;
	int			bytes;

	if (end - p < 3)
		return false;
	control = load_u16(p);
	if ((control & CHANGE_RESERVED) || CHANGE_AMOUNT_BYTES(control) > AMOUNT_MAX_BYTES)
		return false;
	bytes = 2 + CHANGE_MOMENT_BYTES(control) + CHANGE_AMOUNT_BYTES(control);
	if (CHANGE_ROWS(control) == ROWS_EXPLICIT)
		bytes += 4;
	return end - p >= bytes;
}

/* What is wrong with one customer's breakpoints, or NULL. */
static const char *
check_changes(const LedgerView *view, const LedgerCustomer *customer)
{
	const uint8 *p = customer->changes;
	LedgerChange change = ledger_start_change();
	int64		rows = 0;
	int128		mrr = 0;
	int64		n = 0;

	if (p == customer->end)
		return "a customer has no change.";
	while (p < customer->end)
	{
		const uint8 *start = p;
		int64		previous = change.at;
		uint64		farthest = (uint64) (END_TIMESTAMP - 1) - (uint64) previous;
		uint16		control;
		uint64		unit;

		CHECK_FOR_INTERRUPTS_AT(n++);
		if (!change_fits(p, customer->end))
			return "a change is cut off.";
		control = load_u16(p);
		unit = (uint64) moment_units[CHANGE_UNIT(control)];
		if (load_tail(p + 2 + CHANGE_MOMENT_BYTES(control), CHANGE_MOMENT_BYTES(control)) > farthest / unit)
			return "a moment is out of range.";
		ledger_next_change(customer, &p, &change);
		if (!change_is_canonical(start, p, previous, &change))
			return "a change is not in its shortest form.";
		if (start != customer->changes && change.at == previous)
			return "two changes are at one moment.";
		if (change.rows == 0 && change.mrr == 0)
			return "a change is nothing.";
		if (change.mrr != 0 && !(view->flags & LEDGER_HAS_MRR))
			return "it has amounts but no mrr.";
		rows += change.rows;
		mrr += change.mrr;
		if (rows < 0 || (start == customer->changes && rows == 0))
			return "a customer has fewer than no rows.";
		if (rows == 0 && mrr != 0)
			return "a customer has mrr without rows.";
	}
	return NULL;
}

/* Does the customer's length stand in as few bytes as it needs? */
static bool
length_is_shortest(const uint8 *block, bool wide, const LedgerCustomer *customer)
{
	Size		length = customer->end - customer->changes;
	Size		bytes = (customer->changes - block) - (wide ? 16 : 8);
	Size		needed = 1;

	while (length >= 0x80)
	{
		length >>= 7;
		needed++;
	}
	return bytes == needed;
}

/* Can the customer block at p be read without leaving the view? */
static bool
customer_fits(const LedgerView *view, const uint8 *p, bool wide)
{
	uint64		length = 0;
	int			shift = 0;

	if (view->end - p < (wide ? 17 : 9))
		return false;
	p += wide ? 16 : 8;
	for (;;)
	{
		if (p >= view->end || shift > 28)
			return false;
		length |= (uint64) (*p & 0x7F) << shift;
		shift += 7;
		if (!(*p++ & 0x80))
			break;
	}
	return length <= (uint64) (view->end - p);
}

/* What is wrong with the customers of a view, or NULL. */
static const char *
check_customers(const LedgerView *view)
{
	const char *wrong;
	const uint8 *pos;
	bool		wide = ledger_wide_key(view->flags);
	uint64		last[2] = {0, 0};
	uint32		customers = 0;

	for (pos = view->data; pos < view->end; customers++)
	{
		const uint8 *block = pos;
		LedgerCustomer customer;

		if ((customers & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!customer_fits(view, pos, wide) ||
			!ledger_next_customer(view->end, wide, &pos, &customer))
			return "a customer is cut off.";
		if (!length_is_shortest(block, wide, &customer))
			return "a length is not in its shortest form.";
		if (customers > 0 && (customer.key[0] < last[0] ||
							  (customer.key[0] == last[0] && customer.key[1] <= last[1])))
			return "its customers are out of order.";
		memcpy(last, customer.key, sizeof(last));
		wrong = check_changes(view, &customer);
		if (wrong)
			return wrong;
	}
	if (customers != view->customers)
		return "its number of customers is wrong.";
	return NULL;
}

#ifdef USE_ASSERT_CHECKING
/* Is this what our own functions promise to write? */
bool
ledger_is_canonical(const LedgerView *view)
{
	return check_customers(view) == NULL;
}
#endif

/*
 * Check bytes from outside in every respect: what passes here is what our own
 * functions could have written.  Returns NULL and fills the view, or what is
 * wrong, as the end of a sentence.
 */
const char *
ledger_check(const uint8 *data, Size length, LedgerView *view)
{
	const char *wrong = ledger_open_header(data, length, view);

	if (wrong)
		return wrong;
	if (!(view->flags & LEDGER_CANONICAL) || (view->flags & LEDGER_IN_DAYS))
		return "it is not in canonical form.";
	if (view->flags & LEDGER_HAS_PERIOD)
	{
		const LedgerPeriod *period = &view->period;
		ChurnPolicy policy;

		if (period->from >= period->until || !IS_VALID_TIMESTAMP(period->from) ||
			!IS_VALID_TIMESTAMP(period->until) || period->margin < 0 || period->margin > MARGIN_ONE)
			return "its period is malformed.";
		if ((view->flags & LEDGER_HAS_POLICY) && !policy_load(period->policy, &policy))
			return "its policy is malformed.";
	}
	else if (view->customers == 0)
		return "it has no customers.";

	return check_customers(view);
}
