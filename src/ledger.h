/*
 * ledger.h
 *		The subscription ledger: its stored layout, and how to walk over it.
 *
 * A ledger is, per customer, the step function of what runs: breakpoints
 * (moment, change of running rows, change of MRR).  Breakpoints add: two ledgers
 * of disjoint rows are united by adding breakpoints at equal moments and
 * dropping those that become nothing, so the bytes depend on the rows alone and
 * never on their order or on the plan.
 *
 * Stored (canonical) layout, all integers little-endian, nothing aligned:
 *
 *	LedgerHeader		12 bytes with the varlena length
 *	[LedgerPeriod]		24 bytes, only in the states of one-period aggregates;
 *						with a policy 80
 *	per customer, in ascending order of the key:
 *		key				8 bytes (bigint) or 16 (uuid, text)
 *		length			bytes of the breakpoints, base-128 varint
 *		breakpoints, in order of their moments:
 *			control		2 bytes, see CHANGE_*
 *			moment		1-8 bytes: distance to the moment before, for the first
 *						one to Julian day 0, in the coarsest unit that is exact
 *			rows		4 bytes, only where the change is not -1, 0 or +1
 *			amount		0-10 bytes: magnitude in hundredths, or in millionths
 *						where hundredths are not exact
 *
 * The key is a bijective mix of a bigint or a uuid, a 128-bit hash of a text:
 * one order serves partitioning, merging and lookup.  A breakpoint costs about
 * 6 bytes with dates and prices in cents, a customer about 9 more.  Fixed-width
 * records (24 bytes a row) are faster to write but half again as large to store,
 * ship and read back; varints are as small but cost a branch per byte.  What
 * would make us change it: a need to look up single customers by key, which
 * wants an index over the blocks.
 */
#ifndef CM_LEDGER_H
#define CM_LEDGER_H

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/expandeddatum.h"

#include "money.h"

#define LEDGER_VERSION			1

/* LedgerHeader.flags */
#define LEDGER_CANONICAL		0x01	/* else: working rows, see state.c */
#define LEDGER_HAS_MRR			0x02
#define LEDGER_INSTANTS			0x04	/* timestamptz, else local time */
#define LEDGER_HAS_PERIOD		0x08	/* state of a one-period aggregate */
#define LEDGER_CUSTOMER_MASK	0x30
#define LEDGER_CUSTOMER_BIGINT	0x00
#define LEDGER_CUSTOMER_UUID	0x10
#define LEDGER_CUSTOMER_TEXT	0x20
#define LEDGER_IN_DAYS			0x40	/* working rows hold dates */
#define LEDGER_HAS_POLICY		0x80	/* the period comes with a policy */

/* What two ledgers must share to be united. */
#define LEDGER_KIND_MASK		(LEDGER_HAS_MRR | LEDGER_INSTANTS | \
								 LEDGER_HAS_PERIOD | LEDGER_HAS_POLICY | LEDGER_CUSTOMER_MASK)

typedef struct LedgerHeader
{
	int32		vl_len_;
	uint8		version;
	uint8		flags;
	uint16		reserved;		/* zero */
	uint32		count;			/* customers, or working rows */
} LedgerHeader;

#define POLICY_WORDS			7

/* The arguments that a one-period aggregate carries in its state. */
typedef struct LedgerPeriod
{
	int64		from;			/* moments of the period's bounds */
	int64		until;
	int64		margin;			/* gross margin in units of 10^-18 */
	uint64		policy[POLICY_WORDS];	/* where LEDGER_HAS_POLICY, see policy.c */
} LedgerPeriod;

#define MARGIN_ONE			INT64CONST(1000000000000000000)

/* The control word of a breakpoint. */
#define CHANGE_MOMENT_BYTES(c)	(((c) & 0x7) + 1)
#define CHANGE_UNIT(c)			(((c) >> 3) & 0x3)
#define CHANGE_AMOUNT_BYTES(c)	(((c) >> 5) & 0xF)
#define CHANGE_NEGATIVE			0x0200
#define CHANGE_MILLIONTHS		0x0400
#define CHANGE_ROWS(c)			(((c) >> 11) & 0x3)
#define CHANGE_RESERVED			0xE000
#define ROWS_NONE				0
#define ROWS_PLUS_ONE			1
#define ROWS_MINUS_ONE			2
#define ROWS_EXPLICIT			3
#define CHANGE_MAX_BYTES		24
#define AMOUNT_MAX_BYTES		10	/* |change of MRR| < 2^80 millionths */

/* A canonical ledger in memory, wherever its bytes lie. */
typedef struct LedgerView
{
	uint8		flags;
	uint32		customers;
	LedgerPeriod period;		/* where LEDGER_HAS_PERIOD */
	const uint8 *data;			/* first customer's key */
	const uint8 *end;
} LedgerView;

/* One customer of a view. */
typedef struct LedgerCustomer
{
	uint64		key[2];
	const uint8 *changes;
	const uint8 *end;			/* of its breakpoints, start of the next customer */
} LedgerCustomer;

/* One breakpoint, decoded; before the first one of a customer: JULIAN_ZERO. */
typedef struct LedgerChange
{
	int64		at;				/* as a timestamp: microseconds since 2000-01-01 */
	int64		rows;
	int128		mrr;			/* millionths */
} LedgerChange;

/* Julian day 0, the origin of the first moment, as a timestamp. */
#define JULIAN_ZERO		(-(int64) POSTGRES_EPOCH_JDATE * USECS_PER_DAY)

static const int64 moment_units[4] = {
	USECS_PER_DAY, INT64CONST(900000000), USECS_PER_SEC, 1
};

static const int8 row_changes[4] = {0, 1, -1, 0};

pg_noreturn extern void ledger_corrupted(void);

/* Does a customer's key take 16 bytes instead of 8? */
static inline bool
ledger_wide_key(uint8 flags)
{
	return (flags & LEDGER_CUSTOMER_MASK) != LEDGER_CUSTOMER_BIGINT;
}

/* Does key a come before key b? */
static inline bool
key_before(const uint64 *a, const uint64 *b)
{
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

/* In a loop that is long only for customers with very many rows. */
#define CHECK_FOR_INTERRUPTS_AT(i) \
	do { \
		if (unlikely(((i) & 0xFFFF) == 0xFFFF)) \
			CHECK_FOR_INTERRUPTS(); \
	} while (0)

/* Little-endian integers at any address. */
static inline uint64
load_u64(const uint8 *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* Write 8 bytes at any address. */
static inline void
store_u64(uint8 *p, uint64 v)
{
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof(v));
}

/* Write 4 bytes at any address. */
static inline void
store_u32(uint8 *p, uint32 v)
{
	p[0] = (uint8) v;
	p[1] = (uint8) (v >> 8);
	p[2] = (uint8) (v >> 16);
	p[3] = (uint8) (v >> 24);
}

/* Read 2 bytes at any address. */
static inline uint16
load_u16(const uint8 *p)
{
	return (uint16) (p[0] | (p[1] << 8));
}

/* Read 4 bytes at any address. */
static inline uint32
load_u32(const uint8 *p)
{
	return (uint32) load_u16(p) | ((uint32) load_u16(p + 2) << 16);
}

/* The bytes that a period takes behind a header. */
static inline Size
period_size(uint8 flags)
{
	if (!(flags & LEDGER_HAS_PERIOD))
		return 0;
	return (flags & LEDGER_HAS_POLICY) ? sizeof(LedgerPeriod) : offsetof(LedgerPeriod, policy);
}

/* Read a period as it lies behind a header. */
static inline void
load_period(const uint8 *p, uint8 flags, LedgerPeriod *period)
{
	int			i;

	period->from = (int64) load_u64(p);
	period->until = (int64) load_u64(p + 8);
	period->margin = (int64) load_u64(p + 16);
	if (flags & LEDGER_HAS_POLICY)
		for (i = 0; i < POLICY_WORDS; i++)
			period->policy[i] = load_u64(p + 24 + 8 * i);
}

/* Write what load_period reads. */
static inline void
store_period(uint8 *p, uint8 flags, const LedgerPeriod *period)
{
	int			i;

	store_u64(p, (uint64) period->from);
	store_u64(p + 8, (uint64) period->until);
	store_u64(p + 16, (uint64) period->margin);
	if (flags & LEDGER_HAS_POLICY)
		for (i = 0; i < POLICY_WORDS; i++)
			store_u64(p + 24 + 8 * i, period->policy[i]);
}

/*
 * An integer of n (1 to 8) bytes that ends before "end".  It reads the eight
 * bytes before "end": whatever stands there belongs to the ledger, because at
 * least a header and a control word precede every field.
 */
static inline uint64
load_tail(const uint8 *end, int n)
{
	return load_u64(end - 8) >> (64 - 8 * n);
}

/* The same for 0 to 7 bytes. */
static inline uint64
load_short_tail(const uint8 *end, int n)
{
	return load_u64(end - 8) >> 1 >> (63 - 8 * n);
}

/*
 * Read the customer block at *pos and move *pos behind it.  Returns false at
 * the end.  Memory-safe on any bytes: a length that leads beyond the end is an
 * error.
 */
static inline bool
ledger_next_customer(const uint8 *end, bool wide,
					 const uint8 **pos, LedgerCustomer *customer)
{
	const uint8 *p = *pos;
	uint64		length;

	if (p >= end)
		return false;
	if (unlikely(end - p < (wide ? 17 : 9)))
		ledger_corrupted();
	customer->key[0] = load_u64(p);
	customer->key[1] = wide ? load_u64(p + 8) : 0;
	p += wide ? 16 : 8;
	length = *p++;
	if (unlikely(length >= 0x80))
	{
		int			shift = 7;

		length &= 0x7F;
		do
		{
			if (p >= end || shift > 28)
				ledger_corrupted();
			length |= (uint64) (*p & 0x7F) << shift;
			shift += 7;
		} while (*p++ & 0x80);
	}
	if (unlikely(length > (uint64) (end - p)))
		ledger_corrupted();
	customer->changes = p;
	customer->end = p + length;
	*pos = customer->end;
	return true;
}

/* What ledger_next_change is given for a customer's first breakpoint. */
static inline LedgerChange
ledger_start_change(void)
{
	LedgerChange change = {JULIAN_ZERO, 0, 0};

	return change;
}

/*
 * Store 64 bits as 128.  A plain assignment goes through the stack in halves and
 * is copied as a whole, which waits for the halves to be written.
 */
static inline void
store_small(int128 *target, int64 value)
{
	uint64		halves[2];

#ifdef WORDS_BIGENDIAN
	halves[0] = (uint64) (value >> 63);
	halves[1] = (uint64) value;
#else
	halves[0] = (uint64) value;
	halves[1] = (uint64) (value >> 63);
#endif
	memcpy(target, &halves[0], 8);
	memcpy((char *) target + 8, &halves[1], 8);
}

/*
 * Decode the breakpoint at *pos, advancing change->at.  Returns false behind
 * the customer's last one.  Memory-safe on any bytes.
 */
static pg_attribute_always_inline bool
ledger_next_change(const LedgerCustomer *customer, const uint8 **pos,
				   LedgerChange *change)
{
	const uint8 *p = *pos;
	uint16		control;
	int			bytes;

	if (p >= customer->end)
		return false;
	if (unlikely(customer->end - p < 3))
		ledger_corrupted();
	control = load_u16(p);
	p += 2;

	bytes = CHANGE_MOMENT_BYTES(control);
	p += bytes;
	if (unlikely(p > customer->end))
		ledger_corrupted();
	change->at = (int64) ((uint64) change->at +
						  load_tail(p, bytes) * (uint64) moment_units[CHANGE_UNIT(control)]);

	change->rows = row_changes[CHANGE_ROWS(control)];
	if (unlikely(CHANGE_ROWS(control) == ROWS_EXPLICIT))
	{
		if (customer->end - p < 4)
			ledger_corrupted();
		change->rows = (int32) load_u32(p);
		p += 4;
	}

	bytes = CHANGE_AMOUNT_BYTES(control);
	p += bytes;
	if (unlikely(p > customer->end || bytes > AMOUNT_MAX_BYTES))
		ledger_corrupted();
	if (likely(bytes <= 6))
	{
		int64		amount = (int64) load_short_tail(p, bytes);

		amount *= (control & CHANGE_MILLIONTHS) ? 1 : MICROS_PER_CENT;
		store_small(&change->mrr, (control & CHANGE_NEGATIVE) ? -amount : amount);
	}
	else
	{
		uint128		amount = bytes <= 8 ? load_tail(p, bytes) :
			((uint128) load_tail(p, bytes - 8) << 64) | load_u64(p - bytes);

		amount *= (control & CHANGE_MILLIONTHS) ? 1 : MICROS_PER_CENT;
		change->mrr = (control & CHANGE_NEGATIVE) ? -(int128) amount : (int128) amount;
	}
	*pos = p;
	return true;
}

#endif							/* CM_LEDGER_H */
