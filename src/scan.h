/*
 * scan.h
 *		Walking over the customers of a ledger, whatever form it is in.
 *
 *		Ledger ledger = ledger_argument(datum, isnull, false);
 *		LedgerScan scan;
 *
 *		ledger_scan_begin(&scan, &ledger);
 *		while (ledger_scan_next(&scan))
 *			... scan.changes[0 .. scan.n - 1] ...
 *		ledger_scan_end(&scan);
 *
 * A customer's changes come in order of their moments, at distinct moments.
 * A finished ledger is decoded; in an aggregate's state, rows are brought in
 * order a bucket at a time and united with its runs on the fly, so that a report
 * over fresh rows never writes a ledger at all.
 */
#ifndef CM_SCAN_H
#define CM_SCAN_H

#include "state.h"

/* Up to so many changes of a customer need no memory of their own. */
#define FEW_CHANGES			32

/* A ledger to be walked over; without flags and form where it is NULL. */
typedef struct Ledger
{
	uint8		flags;
	LedgerPeriod period;		/* where LEDGER_HAS_PERIOD */
	LedgerView	view;			/* canonical bytes, or none */
	const LedgerHeader *rows;	/* else flat working rows */
	LedgerState *state;			/* else the rows of an aggregate's state, */
	int			nruns;			/* and so many of its runs */
} Ledger;

/* Canonical customers still to come. */
typedef struct RunStream
{
	const uint8 *pos;
	const uint8 *end;
	LedgerCustomer customer;
} RunStream;

/* Working rows still to come, a bucket of neighbouring keys at a time. */
typedef struct RowStream
{
	const LedgerState *state;	/* NULL: one bucket only, of flat rows */
	uint8		flags;
	int			partition;
	uint32		bucket;
	uint32		nbuckets;
	uint32		start;			/* of the bucket in "scattered" */
	uint8	   *scattered;		/* the partition in bucket order */
	uint32	   *ends;			/* of each bucket */
	SubscriptionRow *rows;		/* the bucket in order of the keys */
	Size		allocated;
	Size		n;
	Size		first;			/* rows of the current customer: first .. next-1 */
	Size		next;
	SubscriptionRow few[16];
} RowStream;

typedef struct LedgerScan
{
	/* the current customer */
	uint64		key[2];
	const LedgerChange *changes;
	int64		n;

	bool		wide;
	int64		work;			/* since interrupts were checked */
	bool		has_rows;
	RowStream	rows;
	int			nruns;
	RunStream	runs[MAX_RUNS];
	LedgerChange *buffer;
	Size		allocated;
	LedgerChange few[FEW_CHANGES];
	LedgerChange united[FEW_CHANGES];
} LedgerScan;

extern Ledger ledger_of(Datum datum);
extern Ledger ledger_argument(Datum datum, bool isnull, bool again);
extern bool ledger_is_empty(const Ledger *ledger);
extern bool ledger_first_start(const Ledger *ledger, int64 *first);
extern LedgerHeader *ledger_finish(const Ledger *ledger);
extern void rows_to_run(const Ledger *ledger, LedgerRun *run);

extern void ledger_scan_begin(LedgerScan *scan, const Ledger *ledger);
extern bool ledger_scan_next(LedgerScan *scan);
extern void ledger_scan_end(LedgerScan *scan);

#endif							/* CM_SCAN_H */
