/*
 * logit.c
 *		Logistic regression.  See docs/logit.md for the mathematics.
 *
 * logit_fit keeps the rows and fits when it has them all, since every step of
 * Newton's method looks at every row.  They lie in blocks of BLOCK_ROWS rows, a
 * feature's values side by side, so that the loops over a block are loops over
 * short arrays that stay in the processor's nearest cache and that the compiler
 * turns into vector instructions; a block is not a power of two, so that the
 * columns of a row do not compete for the same places of that cache.  Blocks lie
 * in chunks of doubling size up to CHUNK_BYTES: nothing is ever moved.  A row of k
 * features takes 8 k + 1 bytes, and 16 while the AUC is computed; both count
 * against churnmetrics.fit_memory.  The rows are never changed: the features are
 * centred and scaled as a block is read, which costs less than it takes to read
 * another array.
 *
 * Sums are plain within a block and LongSums over the blocks, so that the order of
 * the rows is lost in the last digits of the coefficients.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "checks.h"
#include "compat.h"
#include "model.h"
#include "numerics.h"
#include "scores.h"

#define MAX_FEATURES	64
#define MAX_COEFS		(MAX_FEATURES + 1)

#define BLOCK_ROWS		120
#define LANES			4		/* sums side by side; divides BLOCK_ROWS */
#define CHUNK_BYTES		(4 * 1024 * 1024)

/* What a row takes while the AUC is computed: its key twice. */
#define AUC_BYTES		(2 * sizeof(uint64))

/* The span of a feature's values, so that no square of it leaves the range of double. */
#define LEAST_SPAN		1e-140
#define MOST_SPAN		1e140

/* A penalty on a scaled coefficient above this leaves it 0 all the same. */
#define MOST_PENALTY	1e250

/* A column is a linear combination when so little of its variance is not that of the columns before it. */
#define ALIASED			1e-9

/* Of what a linear combination consists of, that is named which has so much of the largest share. */
#define LEAST_SHARE		1e-4

#define MOST_STEPS		200
#define MOST_HALVINGS	20

/* Newton's decrement, the square of the step in standard errors, at which the fit is done, and the one at which rounding may stop it. */
#define DONE			1e-20
#define NEARLY_DONE		1e-12

/* What the objective may fall by in a step, of its size: rounding. */
#define ROUNDING		1e-11

/* What the logarithm of the determinant loses to rounding at the most, where features are nearly collinear. */
#define FIRTH_ROUNDING	1e-7

/* So many of the last steps correct a step of Firth's method; each by how the gradient changed, if by so much of what it was. */
#define MOST_PAIRS		8
#define LEAST_CHANGE	1e-3

/* Separation: the decrement is small, and falls by a constant factor (1/e) rather than to its square. */
#define SEPARATION_AT	1e-6
#define SEPARATION_RATE	0.1

/* Features that separate together are named if they have so much of the largest share, in standard deviations. */
#define LEAST_PART		0.01

/* A step moves a row that is separated by about 1, and the others by next to nothing. */
#define MOVED			0.05

/* The rows that a separating direction does not move are singular, up to rounding. */
#define SINGULAR		1e-13

/* The matrix whose eigenvalues are wanted is diagonal up to this, after so many sweeps at the most. */
#define DIAGONAL		1e-14
#define MOST_SWEEPS		30

/* To the AUC, fitted rows are ties that are the same in these steps of the linear predictor (2^-33), from -bound to bound (2^29). */
#define AUC_GRID		8589934592.0
#define AUC_BOUND		536870912.0

/* A piece of memory with so many blocks. */
typedef struct LogitChunk
{
	char	   *data;
	int64		blocks;
} LogitChunk;

/*
 * The rows of an aggregate.  A block has BLOCK_ROWS doubles for every feature, one
 * feature after the other, then a byte for every row: was y true?
 */
typedef struct LogitRows
{
	MemoryContext context;
	bool		firth;
	double		ridge;
	ArrayType  *names;			/* of the features, or NULL */
	int			k;				/* features; 0 before the first row */
	Size		block_bytes;
	int64		n;
	int64		n_events;
	int64		n_skipped;
	LogitChunk *chunks;
	int			nchunks;
	Size		bytes;			/* of all chunks */
	char	   *block;			/* the one that is being filled */
	int			filled;			/* rows in it */
	int64		blocks_left;	/* unused ones of the last chunk, after it */
} LogitRows;

/* A walk over the blocks. */
typedef struct BlockWalk
{
	int			chunk;
	int64		block;
	int64		left;			/* rows */
} BlockWalk;

/*
 * A fit in progress, in scaled features: (x - mean) / sd.  Coefficient 0 is the
 * intercept.  Matrices are p x p by rows.
 */
typedef struct Fit
{
	const LogitRows *rows;
	int			k;
	int			p;				/* coefficients: k + 1 */
	double	   *mean;
	double	   *sd;
	double	   *inverse_sd;		/* 0 for a constant feature */
	double	   *penalty;		/* of each coefficient */
	double	   *beta;
	double	   *gradient;
	double	   *information;
	double	   *augmented;		/* Firth's method: the information with weights times 1 + leverage; else room for a matrix */
	double		loglik;
	double		objective;		/* what is maximised: with the penalty */
	bool		all_right;		/* every row is on its side of 0 */
	/* Firth's method: the last steps, by turns, and how the gradient changed; pairs of p */
	int			npairs;
	double	   *moves;
	double	   *changes;
	/* a block's work space, columns of BLOCK_ROWS */
	double	   *z;
	double	   *wz;
	double		eta[BLOCK_ROWS];
	double		weight[BLOCK_ROWS];
	double		residual[BLOCK_ROWS];
	LongSum    *sums;			/* p x p */
	LongSum    *gradient_sums;
} Fit;

/* logit_model */
enum
{
	FIELD_NAMES,
	FIELD_COEF,
	FIELD_SE,
	FIELD_MEANS,
	FIELD_SDS,
	FIELD_LOGLIK,
	FIELD_NULL_LOGLIK,
	FIELD_AUC,
	FIELD_N,
	FIELD_N_EVENTS,
	FIELD_N_SKIPPED,
	FIELD_N_ITER,
	FIELD_CONDITION,
	FIELD_RIDGE,
	FIELD_FIRTH,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	"names", "coef", "se", "means", "sds", "loglik", "null_loglik", "auc", "n", "n_events", "n_skipped",
	"n_iter", "condition", "ridge", "firth"
};

/* A model that an accessor was given, checked. */
typedef struct LogitModel
{
	int			k;
	double		coef[MAX_COEFS];
	double		se[MAX_COEFS];
	double		means[MAX_FEATURES];
	ArrayType  *names;			/* or NULL */
} LogitModel;

/* What logit_predict keeps between rows: the model as it came, and as it was read. */
typedef struct KeptModel
{
	Size		length;
	char	   *bytes;
	LogitModel	model;
} KeptModel;

PG_FUNCTION_INFO_V1(cm_logit_fit_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_ridge_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_names_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_ridge_names_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_firth_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_firth_names_trans);
PG_FUNCTION_INFO_V1(cm_logit_fit_final);
PG_FUNCTION_INFO_V1(cm_logit_predict);
PG_FUNCTION_INFO_V1(cm_logit_summary);
PG_FUNCTION_INFO_V1(cm_logit_contributions);

/* ---- names and arrays ---- */

/* The name of a feature that has one; j from 0. */
static char *
feature_name(ArrayType *names, int j)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (j >= n || nulls[j])
		elog(ERROR, "feature %d has no name", j + 1);
	return TextDatumGetCString(values[j]);
}

/* A feature in an error message: feature 3, or feature 3 (tenure). */
static char *
feature_shown(ArrayType *names, int j)
{
	if (names == NULL)
		return psprintf("feature %d", j + 1);
	return psprintf("feature %d (%s)", j + 1, feature_name(names, j));
}

/* A feature in a row of a result: x3, or its name. */
static Datum
term_datum(ArrayType *names, int j)
{
	return CStringGetTextDatum(names == NULL ? psprintf("x%d", j + 1) : feature_name(names, j));
}

/* Raises an error unless the array holds one text for each of k features. */
static void
check_names(ArrayType *names, int k)
{
	int			n = ARR_NDIM(names) == 0 ? 0 : ARR_DIMS(names)[0];

	if (ARR_NDIM(names) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("names must have 1 dimension, not %d", ARR_NDIM(names))));
	if (n != k)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("names must have a name for each of the %d features, not %d names", k, n),
				 errhint("The intercept has none.")));
	if (array_contains_nulls(names))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("names must not contain null")));
}

/*
 * The elements of x, NULL if one of them is NULL.  Raises an error unless there are
 * "expected" of them (0: any number that a model may have), all finite.
 */
static const double *
feature_values(ArrayType *x, int expected, bool of_model, ArrayType *names, int *n)
{
	const double *values = (const double *) ARR_DATA_PTR(x);
	int			i;

	if (array_contains_nulls(x))
		return NULL;
	*n = ARR_NDIM(x) == 0 ? 0 : ARR_DIMS(x)[0];
	if (ARR_NDIM(x) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("x must have 1 dimension, not %d", ARR_NDIM(x))));
	if (expected > 0 && *n != expected)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("x must have %d elements, as in the %s, not %d", expected, of_model ? "model" : "rows before", *n)));
	if (*n < 1 || *n > MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must have from 1 to %d elements, not %d", MAX_FEATURES, *n)));
	for (i = 0; i < *n; i++)
		if (unlikely(isnan(values[i]) || isinf(values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be a finite number, not %s", feature_shown(names, i), number_shown(values[i]))));
	return values;
}

/* ---- rows of the fit ---- */

/* Add a chunk, of twice as many blocks as the last; raises 54000 where that is more than churnmetrics.fit_memory. */
static void
add_chunk(LogitRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	int64		most = Max(CHUNK_BYTES / (int64) rows->block_bytes, 1);
	int64		wanted = rows->nchunks == 0 ? 1 : 2 * rows->chunks[rows->nchunks - 1].blocks;
	int64		blocks = Min(wanted, most);
	Size		bytes = blocks * rows->block_bytes;
	LogitChunk *chunk;

	if ((rows->bytes + bytes + (rows->n + blocks * BLOCK_ROWS) * AUC_BYTES) / 1024 > (Size) fit_memory)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("logit_fit needs %d bytes a row, and after %lld rows there is no room for more in churnmetrics.fit_memory, %d kB",
						(int) (rows->block_bytes / BLOCK_ROWS + AUC_BYTES), (long long) rows->n, fit_memory),
				 errhint("Raise churnmetrics.fit_memory, or fit on a sample of the rows.")));
	rows->chunks = rows->nchunks == 0 ? palloc(sizeof(LogitChunk)) :
		repalloc(rows->chunks, (rows->nchunks + 1) * sizeof(LogitChunk));
	chunk = &rows->chunks[rows->nchunks++];
	chunk->blocks = blocks;
	chunk->data = palloc(bytes);
	rows->bytes += bytes;
	rows->block = chunk->data;
	rows->blocks_left = blocks - 1;
	MemoryContextSwitchTo(old);
}

/* Begin another block. */
static void
next_block(LogitRows *rows)
{
	if (rows->blocks_left == 0)
		add_chunk(rows);
	else
	{
		rows->block += rows->block_bytes;
		rows->blocks_left--;
	}
	rows->filled = 0;
}

/* Keep a row. */
static void
add_row(LogitRows *rows, bool y, const double *x, int k)
{
	double	   *column;
	int			j;

	if (rows->k == 0)
	{
		if (rows->names)
			check_names(rows->names, k);
		rows->k = k;
		rows->block_bytes = BLOCK_ROWS * (k * sizeof(double) + 1);
		rows->filled = BLOCK_ROWS;
	}
	if (rows->filled == BLOCK_ROWS)
		next_block(rows);
	column = (double *) rows->block + rows->filled;
	for (j = 0; j < k; j++)
	{
		*column = x[j];
		column += BLOCK_ROWS;
	}
	(rows->block + k * BLOCK_ROWS * sizeof(double))[rows->filled] = y;
	rows->filled++;
	rows->n++;
	rows->n_events += y;
}

/* Raises 22023: an argument that must be the same in all rows is not. */
static void
parameter_changes(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows of a group", name)));
}

/* One row for the fit; ridge_argument and names_argument are the numbers of these arguments, 0 for none. */
static Datum
logit_trans(FunctionCallInfo fcinfo, int ridge_argument, int names_argument, bool firth)
{
	MemoryContext context = fit_context(fcinfo);
	LogitRows  *rows = PG_ARGISNULL(0) ? NULL : (LogitRows *) PG_GETARG_POINTER(0);
	double		ridge = ridge_argument ? float_at_least(fcinfo, ridge_argument, "ridge", 0) : 0;
	ArrayType  *names = NULL;
	const double *values;
	int			k;

	if (names_argument)
	{
		check_not_null("names", PG_ARGISNULL(names_argument));
		names = PG_GETARG_ARRAYTYPE_P(names_argument);
	}
	if (rows == NULL)
	{
		rows = MemoryContextAllocZero(context, sizeof(LogitRows));
		rows->context = context;
		rows->firth = firth;
		rows->ridge = ridge;
		if (names)
		{
			rows->names = MemoryContextAlloc(context, VARSIZE(names));
			memcpy(rows->names, names, VARSIZE(names));
		}
	}
	if (ridge != rows->ridge)
		parameter_changes("ridge");
	if (names && (VARSIZE(names) != VARSIZE(rows->names) || memcmp(names, rows->names, VARSIZE(names)) != 0))
		parameter_changes("names");
	values = PG_ARGISNULL(1) || PG_ARGISNULL(2) ? NULL :
		feature_values(PG_GETARG_ARRAYTYPE_P(2), rows->k, false, rows->k ? rows->names : NULL, &k);
	if (values == NULL)
		rows->n_skipped++;
	else
		add_row(rows, PG_GETARG_BOOL(1), values, k);
	PG_RETURN_POINTER(rows);
}

/* logit_fit(y, x) */
Datum
cm_logit_fit_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 0, 0, false);
}

/* logit_fit(y, x, ridge) */
Datum
cm_logit_fit_ridge_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 3, 0, false);
}

/* logit_fit(y, x, names) */
Datum
cm_logit_fit_names_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 0, 3, false);
}

/* logit_fit(y, x, ridge, names) */
Datum
cm_logit_fit_ridge_names_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 3, 4, false);
}

/* logit_fit_firth(y, x) */
Datum
cm_logit_fit_firth_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 0, 0, true);
}

/* logit_fit_firth(y, x, names) */
Datum
cm_logit_fit_firth_names_trans(PG_FUNCTION_ARGS)
{
	return logit_trans(fcinfo, 0, 3, true);
}

/* Without a penalty coefficients may have no finite value. */
static bool
without_penalty(const LogitRows *rows)
{
	return rows->ridge == 0 && !rows->firth;
}

/* The next block of a walk that began as {0}, or NULL after the last; in *n its rows. */
static const char *
walk(const LogitRows *rows, BlockWalk *at, int *n)
{
	const char *block;

	if (at->chunk == 0 && at->block == 0)
		at->left = rows->n;
	if (at->left == 0)
		return NULL;
	CHECK_FOR_INTERRUPTS();
	if (at->block == rows->chunks[at->chunk].blocks)
	{
		at->chunk++;
		at->block = 0;
	}
	block = rows->chunks[at->chunk].data + at->block * rows->block_bytes;
	at->block++;
	*n = (int) Min(at->left, BLOCK_ROWS);
	at->left -= *n;
	return block;
}

/* A block's column of a feature. */
static inline const double *
block_column(const char *block, int j)
{
	return (const double *) block + j * BLOCK_ROWS;
}

/* Whether y was true in a block's rows. */
static inline const char *
block_events(const Fit *fit, const char *block)
{
	return block + fit->k * BLOCK_ROWS * sizeof(double);
}

/* ---- the data before the fit ---- */

/* The values that a feature has where y is true, and elsewhere. */
typedef struct Span
{
	double		low[2];
	double		high[2];
} Span;

/* The least of the values. */
static inline double
span_low(const Span *span)
{
	return Min(span->low[0], span->low[1]);
}

/* The greatest of the values. */
static inline double
span_high(const Span *span)
{
	return Max(span->high[0], span->high[1]);
}

/* Half the distance between them. */
static inline double
half_span(const Span *span)
{
	return span_high(span) / 2 - span_low(span) / 2;
}

/* Where each feature lies; spans of k. */
static void
find_spans(const Fit *fit, Span *spans)
{
	BlockWalk	at = {0};
	const char *block;
	int			n;
	int			i;
	int			j;

	for (j = 0; j < fit->k; j++)
		for (i = 0; i < 2; i++)
		{
			spans[j].low[i] = DBL_MAX;
			spans[j].high[i] = -DBL_MAX;
		}
	while ((block = walk(fit->rows, &at, &n)) != NULL)
		for (j = 0; j < fit->k; j++)
		{
			const double *x = block_column(block, j);
			const char *event = block_events(fit, block);

			for (i = 0; i < n; i++)
			{
				int			y = event[i];

				if (x[i] < spans[j].low[y])
					spans[j].low[y] = x[i];
				if (x[i] > spans[j].high[y])
					spans[j].high[y] = x[i];
			}
		}
}

/* Ways out of a separation. */
static int
separation_hint(void)
{
	return errhint("Leave it out if it is known only after the fact, such as a date of cancellation; or fit with logit_fit(y, x, 1.0) or logit_fit_firth(y, x).");
}

/* Raises an error if a feature is constant, unless a ridge makes up for it, or spans too little or too much to be squared. */
static void
check_width(const LogitRows *rows, int j, const Span *span)
{
	double		low = span_low(span);
	double		high = span_high(span);
	double		half = half_span(span);

	if (low == high && rows->ridge == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s is constant: it is %.15g in all rows", feature_shown(rows->names, j), low),
				 errhint("Leave it out; the intercept is part of every fit.")));
	if (low != high && !(half >= LEAST_SPAN && half <= MOST_SPAN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the values of %s lie between %g and %g: their distance must be between %g and %g",
						feature_shown(rows->names, j), low, high, 2 * LEAST_SPAN, 2 * MOST_SPAN),
				 errhint("Take another unit.")));
}

/* Raises an error if a feature alone separates the rows where y is true from the others. */
static void
check_separation(const LogitRows *rows, int j, const Span *span)
{
	bool		above = span->low[1] >= span->high[0];

	if (above || span->high[1] <= span->low[0])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s separates the rows where y is true from the others: its coefficient has no finite value",
						feature_shown(rows->names, j)),
				 errdetail("It is %.15g or %s where y is true, and %.15g or %s elsewhere.",
						   above ? span->low[1] : span->high[1], above ? "more" : "less",
						   above ? span->high[0] : span->low[0], above ? "less" : "more"),
				 separation_hint()));
}

/* Raises an error where there is nothing to be learnt: one outcome only, a constant feature, one that decides alone, few events. */
static void
check_data(const Fit *fit, const Span *spans)
{
	const LogitRows *rows = fit->rows;
	int64		fewer = Min(rows->n_events, rows->n - rows->n_events);
	int			j;

	if (fewer == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("of %lld rows none has y %s: there is nothing to compare", (long long) rows->n, rows->n_events ? "false" : "true"),
				 errhint("A fit needs rows of both kinds; leave such groups out before it.")));
	for (j = 0; j < fit->k; j++)
		check_width(rows, j, &spans[j]);
	if (!without_penalty(rows))
		return;
	for (j = 0; j < fit->k; j++)
		check_separation(rows, j, &spans[j]);
	if (fewer < fit->p)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("y is %s in %lld of %lld rows, too few for %d features and the intercept",
						fewer == rows->n_events ? "true" : "false", (long long) fewer, (long long) rows->n, fit->k),
				 errhint("A fit wants ten such rows or more for each feature. Take fewer features or a longer time, or fit with logit_fit(y, x, 1.0) or logit_fit_firth(y, x).")));
}

/* Read a block: fill z with its scaled features, and rows that are not there with 0. */
static void
load_block(Fit *fit, const char *block, int n)
{
	int			i;
	int			j;

	for (j = 0; j < fit->k; j++)
	{
		const double *restrict x = block_column(block, j);
		double	   *restrict z = fit->z + j * BLOCK_ROWS;
		double		mean = fit->mean[j];
		double		scale = fit->inverse_sd[j];

		if (n == BLOCK_ROWS)
			for (i = 0; i < BLOCK_ROWS; i++)
				z[i] = (x[i] - mean) * scale;
		else
		{
			for (i = 0; i < n; i++)
				z[i] = (x[i] - mean) * scale;
			for (; i < BLOCK_ROWS; i++)
				z[i] = 0;
		}
	}
}

/* The sum of a block's column. */
static inline double
block_sum(const double *restrict a)
{
	double		sums[LANES] = {0};
	int			i;
	int			l;

	for (i = 0; i < BLOCK_ROWS; i += LANES)
		for (l = 0; l < LANES; l++)
			sums[l] += a[i + l];
	return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* The sum of the products of two columns of a block. */
static inline double
block_product(const double *restrict a, const double *restrict b)
{
	double		sums[LANES] = {0};
	int			i;
	int			l;

	for (i = 0; i < BLOCK_ROWS; i += LANES)
		for (l = 0; l < LANES; l++)
			sums[l] += a[i + l] * b[i + l];
	return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* Add the block in z, with its weights, to the sums of the information matrix. */
static void
add_products(Fit *fit)
{
	const double *restrict weight = fit->weight;
	int			a;
	int			b;
	int			i;

	long_sum_add(&fit->sums[0], block_sum(weight));
	for (a = 0; a < fit->k; a++)
	{
		const double *restrict z = fit->z + a * BLOCK_ROWS;
		double	   *restrict wz = fit->wz;
		LongSum    *row = fit->sums + (a + 1) * fit->p;

		for (i = 0; i < BLOCK_ROWS; i++)
			wz[i] = weight[i] * z[i];
		long_sum_add(&row[0], block_sum(wz));
		for (b = 0; b <= a; b++)
			long_sum_add(&row[b + 1], block_product(wz, fit->z + b * BLOCK_ROWS));
	}
}

/* Take the sums into a matrix. */
static void
take_products(const Fit *fit, double *matrix)
{
	int			a;
	int			b;

	for (a = 0; a < fit->p; a++)
		for (b = 0; b <= a; b++)
		{
			matrix[a * fit->p + b] = long_sum(&fit->sums[a * fit->p + b]);
			matrix[b * fit->p + a] = matrix[a * fit->p + b];
		}
}

/* Find the mean of each feature, around the middle of its values in units of the half span, where nothing can overflow. */
static void
find_means(Fit *fit, const Span *spans)
{
	BlockWalk	at = {0};
	const char *block;
	int			n;
	int			j;

	for (j = 0; j < fit->k; j++)
	{
		double		low = span_low(&spans[j]);
		double		high = span_high(&spans[j]);

		fit->mean[j] = low / 2 + high / 2;
		fit->inverse_sd[j] = low == high ? 0 : 1 / half_span(&spans[j]);
	}
	memset(fit->gradient_sums, 0, fit->p * sizeof(LongSum));
	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		load_block(fit, block, n);
		for (j = 0; j < fit->k; j++)
			long_sum_add(&fit->gradient_sums[j], block_sum(fit->z + j * BLOCK_ROWS));
	}
	for (j = 0; j < fit->k; j++)
		fit->mean[j] += half_span(&spans[j]) * (long_sum(&fit->gradient_sums[j]) / (double) fit->rows->n);
}

/*
 * Find the standard deviation of each feature, and the penalty of its coefficient.
 * The information matrix becomes that of the correlations, times n - 1.
 */
static void
find_deviations(Fit *fit, const Span *spans)
{
	int			p = fit->p;
	double	   *products = fit->information;
	BlockWalk	at = {0};
	const char *block;
	int			n;
	int			i;
	int			j;

	memset(fit->sums, 0, p * p * sizeof(LongSum));
	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		load_block(fit, block, n);
		for (i = 0; i < BLOCK_ROWS; i++)
			fit->weight[i] = i < n;
		add_products(fit);
	}
	take_products(fit, products);
	for (j = 1; j < p; j++)
	{
		double		half = half_span(&spans[j - 1]);
		double		sd = half * sqrt(products[j * p + j] / (double) (fit->rows->n - 1));
		double		inverse = sd > 0 ? 1 / sd : 0;
		double		scale = sd > 0 ? half / sd : 0;

		fit->sd[j - 1] = sd;
		fit->inverse_sd[j - 1] = inverse;
		fit->penalty[j] = Min(fit->rows->ridge * (sd > 0 ? inverse * inverse : 1), MOST_PENALTY);
		/* from units of the half span to those of the standard deviation */
		for (i = 0; i < p; i++)
		{
			products[j * p + i] *= scale;
			products[i * p + j] *= scale;
		}
	}
}

/*
 * The features that feature j (from 1) is a combination of, for a message.  Row j of
 * the factor, which is done left of the pivot, has the regression on those before it.
 */
static char *
combination_shown(const Fit *fit, const double *l, int j)
{
	int			p = fit->p;
	double	   *share = palloc(p * sizeof(double));
	double		largest = 0;
	StringInfoData list;
	int			i;
	int			m;

	for (i = j - 1; i >= 0; i--)
	{
		share[i] = l[j * p + i];
		for (m = i + 1; m < j; m++)
			share[i] -= l[m * p + i] * share[m];
		share[i] /= l[i * p + i];
		if (i > 0)
			largest = Max(largest, fabs(share[i]));
	}
	initStringInfo(&list);
	for (i = 1; i < j; i++)
		if (fabs(share[i]) > largest * LEAST_SHARE)
			appendStringInfo(&list, "%s%s", list.len ? ", " : "", feature_shown(fit->rows->names, i - 1));
	return list.data;
}

/*
 * Raises an error if a feature is a linear combination of those before it.  The
 * information matrix, of correlations times n - 1, is overwritten.
 */
static void
check_collinear(Fit *fit)
{
	const LogitRows *rows = fit->rows;
	double	   *l = fit->information;
	int			j;

	for (j = 0; j < fit->p; j++)
		l[j * fit->p + j] += 4 * fit->penalty[j];	/* weights are 1/4 at the most */
	j = cholesky_factor(l, fit->p, ALIASED);
	if (j < 0)
		return;
	if (rows->ridge > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s is a linear combination of other features, and a ridge of %g is too little to tell them apart",
						feature_shown(rows->names, j - 1), rows->ridge),
				 errhint("Leave it out, or raise ridge: it is a penalty on the coefficients of the features as they are given, so that a feature of large values wants a larger one.")));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s is a linear combination of other features: it tells nothing that they do not", feature_shown(rows->names, j - 1)),
			 errdetail("It follows from %s.", combination_shown(fit, l, j)),
			 errhint("Leave one of them out; of the flags of a category that has n values, n - 1 are enough.")));
}

/* ---- the fit ---- */

/* A block's linear predictor: the intercept and z times the slopes. */
static void
predict_block(Fit *fit, const double *beta)
{
	double	   *restrict eta = fit->eta;
	int			i;
	int			j;

	for (i = 0; i < BLOCK_ROWS; i++)
		eta[i] = beta[0];
	for (j = 0; j < fit->k; j++)
	{
		const double *restrict z = fit->z + j * BLOCK_ROWS;
		double		b = beta[j + 1];

		for (i = 0; i < BLOCK_ROWS; i++)
			eta[i] += b * z[i];
	}
}

/* Weights and residuals of a block at its linear predictor; returns its log-likelihood. */
static double
weigh_block(Fit *fit, const char *block, int n)
{
	const char *event = block_events(fit, block);
	double		loglik = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		double		eta = fit->eta[i];
		double		e = exp(-fabs(eta));
		double		small = e / (1 + e);	/* the probability of the less likely outcome */
		bool		likely_one = event[i] ? eta >= 0 : eta < 0;
		double		missed = likely_one ? small : 1 / (1 + e);	/* probability of what did not happen */

		fit->weight[i] = small / (1 + e);
		fit->residual[i] = event[i] ? missed : -missed;
		loglik -= log1p(e) + (likely_one ? 0 : fabs(eta));
		if (!likely_one || fabs(eta) < 1e-9)
			fit->all_right = false;
	}
	for (; i < BLOCK_ROWS; i++)
		fit->weight[i] = fit->residual[i] = 0;
	return loglik;
}

/* Add the block in z, with its residuals, to the sums of the gradient. */
static void
add_gradient(Fit *fit)
{
	int			j;

	long_sum_add(&fit->gradient_sums[0], block_sum(fit->residual));
	for (j = 0; j < fit->k; j++)
		long_sum_add(&fit->gradient_sums[j + 1], block_product(fit->residual, fit->z + j * BLOCK_ROWS));
}

/* Log-likelihood, gradient and information at beta, with the penalty of the ridge. */
static void
evaluate(Fit *fit)
{
	BlockWalk	at = {0};
	LongSum		loglik = {0};
	const char *block;
	double		penalty = 0;
	int			n;
	int			j;

	memset(fit->sums, 0, fit->p * fit->p * sizeof(LongSum));
	memset(fit->gradient_sums, 0, fit->p * sizeof(LongSum));
	fit->all_right = true;
	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		load_block(fit, block, n);
		predict_block(fit, fit->beta);
		long_sum_add(&loglik, weigh_block(fit, block, n));
		add_gradient(fit);
		add_products(fit);
	}
	take_products(fit, fit->information);
	for (j = 0; j < fit->p; j++)
	{
		fit->gradient[j] = long_sum(&fit->gradient_sums[j]) - fit->penalty[j] * fit->beta[j];
		fit->information[j * fit->p + j] += fit->penalty[j];
		penalty += fit->penalty[j] * fit->beta[j] * fit->beta[j] / 2;
	}
	fit->loglik = long_sum(&loglik);
	fit->objective = fit->loglik - penalty;
}

/* The inverse of a factor, lower triangular as it is. */
static void
invert_factor(const double *l, int p, double *inverse)
{
	int			i;
	int			j;
	int			m;

	for (j = 0; j < p; j++)
	{
		inverse[j * p + j] = 1 / l[j * p + j];
		for (i = j + 1; i < p; i++)
		{
			double		sum = 0;

			for (m = j; m < i; m++)
				sum -= l[i * p + m] * inverse[m * p + j];
			inverse[i * p + j] = sum / l[i * p + i];
		}
	}
}

/*
 * The leverages of the block in z, with its weights; "inverse" is that of the factor
 * of the information.  As sums of squares they keep their digits where features are
 * nearly collinear, which they would lose with the inverse of the information.
 */
static void
find_leverages(Fit *fit, const double *inverse, double *restrict leverage)
{
	int			i;
	int			a;
	int			b;

	for (i = 0; i < BLOCK_ROWS; i++)
		leverage[i] = inverse[0] * inverse[0];
	for (a = 1; a < fit->p; a++)
	{
		double	   *restrict sum = fit->wz;

		for (i = 0; i < BLOCK_ROWS; i++)
			sum[i] = inverse[a * fit->p];
		for (b = 1; b <= a; b++)
		{
			const double *restrict z = fit->z + (b - 1) * BLOCK_ROWS;
			double		v = inverse[a * fit->p + b];

			for (i = 0; i < BLOCK_ROWS; i++)
				sum[i] += v * z[i];
		}
		for (i = 0; i < BLOCK_ROWS; i++)
			leverage[i] += sum[i] * sum[i];
	}
	for (i = 0; i < BLOCK_ROWS; i++)
		leverage[i] *= fit->weight[i];
}

/*
 * Add to the gradient what Firth's penalty adds: h (1/2 - p) x, with h the leverages.
 * That is the gradient of data in which every row counts 1 + h times; their
 * information is the right one for the step: that of the rows themselves would
 * overstep, by twice where h is 1.
 */
static void
add_firth(Fit *fit, const double *inverse)
{
	BlockWalk	at = {0};
	const char *block;
	int			n;
	int			i;
	int			j;

	memset(fit->sums, 0, fit->p * fit->p * sizeof(LongSum));
	memset(fit->gradient_sums, 0, fit->p * sizeof(LongSum));
	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		double		leverage[BLOCK_ROWS];

		load_block(fit, block, n);
		predict_block(fit, fit->beta);
		weigh_block(fit, block, n);
		find_leverages(fit, inverse, leverage);
		for (i = 0; i < BLOCK_ROWS; i++)
		{
			fit->residual[i] = leverage[i] * (0.5 - logistic(fit->eta[i]));
			fit->weight[i] *= 1 + leverage[i];
		}
		add_gradient(fit);
		add_products(fit);
	}
	take_products(fit, fit->augmented);
	for (j = 0; j < fit->p; j++)
		fit->gradient[j] += long_sum(&fit->gradient_sums[j]);
}

/* Factor a copy of the information matrix into l; with Firth's method the objective gets its penalty.  False where it is singular. */
static bool
factor(Fit *fit, double *l)
{
	int			j;

	memcpy(l, fit->information, fit->p * fit->p * sizeof(double));
	if (cholesky_factor(l, fit->p, DBL_EPSILON) >= 0)
		return false;
	if (fit->rows->firth)
	{
		fit->objective = fit->loglik;
		for (j = 0; j < fit->p; j++)
			fit->objective += log(l[j * fit->p + j]);
	}
	return true;
}

/* Raises the error of a separation by several features; "direction" is the one in which the coefficients grow. */
pg_noreturn static void
separated(const Fit *fit, const double *direction)
{
	int			worst = 1;
	StringInfoData list;
	int			j;

	for (j = 2; j < fit->p; j++)
		if (fabs(direction[j]) > fabs(direction[worst]))
			worst = j;
	initStringInfo(&list);
	for (j = 1; j < fit->p; j++)
		if (fabs(direction[j]) >= LEAST_PART * fabs(direction[worst]))
			appendStringInfo(&list, "%s%s", list.len ? ", " : "", feature_shown(fit->rows->names, j - 1));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("several features together separate rows where y is true from the others, %s most of all: its coefficient has no finite value",
					feature_shown(fit->rows->names, worst - 1)),
			 errdetail("They are %s.", list.data),
			 separation_hint()));
	pg_unreachable();
}

/*
 * Is a step of Newton's method one in a direction in which coefficients grow without
 * end?  It moves no row away from what happened in it, and the rows that it does not
 * move leave the direction free: their matrix is singular.  The second makes the
 * difference to a row so far out that it seems to be the only one to move.
 */
static bool
direction_separates(Fit *fit, const double *direction)
{
	BlockWalk	at = {0};
	const char *block;
	double	   *rest = fit->augmented;
	int			n;
	int			i;

	memset(fit->sums, 0, fit->p * fit->p * sizeof(LongSum));
	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		const char *event = block_events(fit, block);

		load_block(fit, block, n);
		predict_block(fit, direction);
		for (i = 0; i < BLOCK_ROWS; i++)
		{
			if (i < n && (event[i] ? fit->eta[i] : -fit->eta[i]) < -MOVED)
				return false;
			fit->weight[i] = i < n && fabs(fit->eta[i]) <= MOVED;
		}
		add_products(fit);
	}
	take_products(fit, rest);
	return cholesky_factor(rest, fit->p, SINGULAR) >= 0;
}

/* Raises the error of a fit that came to no end. */
pg_noreturn static void
not_converged(const Fit *fit, int steps)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the fit of %d features on %lld rows did not converge in %d iterations", fit->k, (long long) fit->rows->n, steps),
			 errhint("Fit with logit_fit(y, x, 1.0), or leave out features that say nearly the same.")));
	pg_unreachable();
}

/* The product of two vectors. */
static double
dot(const double *a, const double *b, int n)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Remember the way from "start", where the gradient was "before", to beta. */
static void
keep_pair(Fit *fit, const double *start, const double *before)
{
	int			p = fit->p;
	double	   *move = fit->moves + fit->npairs % MOST_PAIRS * p;
	double	   *change = fit->changes + fit->npairs % MOST_PAIRS * p;
	int			j;

	for (j = 0; j < p; j++)
	{
		move[j] = fit->beta[j] - start[j];
		change[j] = before[j] - fit->gradient[j];
	}
	if (dot(move, change, p) > LEAST_CHANGE * dot(move, before, p))
		fit->npairs++;
}

/*
 * The step of Firth's method, from the gradient that it holds.  The matrix leaves out
 * how the leverages change, and would converge slowly where they are near 1, which
 * they are under separation; the last steps make up for it (the recursion of limited
 * memory BFGS: J. Nocedal 1980).
 */
static void
solve_firth(const Fit *fit, double *step)
{
	int			p = fit->p;
	int			first = Max(fit->npairs - MOST_PAIRS, 0);
	double		part[MOST_PAIRS];
	int			i;
	int			j;

	for (i = fit->npairs - 1; i >= first; i--)
	{
		const double *move = fit->moves + i % MOST_PAIRS * p;
		const double *change = fit->changes + i % MOST_PAIRS * p;

		part[i % MOST_PAIRS] = dot(move, step, p) / dot(move, change, p);
		for (j = 0; j < p; j++)
			step[j] -= part[i % MOST_PAIRS] * change[j];
	}
	cholesky_solve(fit->augmented, p, step);
	for (i = first; i < fit->npairs; i++)
	{
		const double *move = fit->moves + i % MOST_PAIRS * p;
		const double *change = fit->changes + i % MOST_PAIRS * p;
		double		excess = part[i % MOST_PAIRS] - dot(change, step, p) / dot(move, change, p);

		for (j = 0; j < p; j++)
			step[j] += excess * move[j];
	}
}

/*
 * The step of Newton's method from beta, and its decrement; leaves the factor of the
 * information in l.  With Firth's method "start" is where the last step began, and
 * "before" the gradient there.  False where a matrix is singular.
 */
static bool
find_step(Fit *fit, double *l, const double *start, double *before, double *step, double *decrement)
{
	int			p = fit->p;

	if (!factor(fit, l))
		return false;
	if (fit->rows->firth)
	{
		double	   *inverse = palloc(p * p * sizeof(double));

		invert_factor(l, p, inverse);
		add_firth(fit, inverse);
		pfree(inverse);
		if (cholesky_factor(fit->augmented, p, DBL_EPSILON) >= 0)
			return false;
	}
	memcpy(step, fit->gradient, p * sizeof(double));
	if (fit->rows->firth)
	{
		if (start != NULL)
			keep_pair(fit, start, before);
		memcpy(before, fit->gradient, p * sizeof(double));
		solve_firth(fit, step);
	}
	else
		cholesky_solve(l, p, step);
	*decrement = dot(step, fit->gradient, p);
	return true;
}

/* Go from "start" by the step, or by half of it and so on, until the objective does not fall; false where it always does. */
static bool
take_step(Fit *fit, double *l, const double *start, const double *step)
{
	double		old = fit->objective;
	double		least = old - ROUNDING * (fabs(old) + 0.1) - (fit->rows->firth ? FIRTH_ROUNDING : 0);
	double		length = 1;
	int			halvings;
	int			j;

	for (halvings = 0; halvings <= MOST_HALVINGS; halvings++, length /= 2)
	{
		for (j = 0; j < fit->p; j++)
			fit->beta[j] = start[j] + length * step[j];
		evaluate(fit);
		if ((!fit->rows->firth || factor(fit, l)) && fit->objective >= least)
			return true;
	}
	return false;
}

/*
 * Newton's method with halved steps from the model without features.  Leaves the
 * factor of the information in l; returns the number of iterations.
 */
static int
iterate(Fit *fit, double *l)
{
	const LogitRows *rows = fit->rows;
	bool		plain = without_penalty(rows);
	double	   *step = palloc(fit->p * sizeof(double));
	double	   *start = palloc(fit->p * sizeof(double));
	double	   *gradient = palloc(fit->p * sizeof(double));
	double		before = 0;
	double		rate_before = 0;
	int			steps;
	int			j;

	fit->beta[0] = log((double) rows->n_events / (double) (rows->n - rows->n_events));
	evaluate(fit);
	for (steps = 1; steps <= MOST_STEPS; steps++)
	{
		double		decrement;
		double		rate;
		bool		done;

		if (plain && fit->all_right)
			separated(fit, fit->beta);
		if (!find_step(fit, l, steps > 1 ? start : NULL, gradient, step, &decrement))
			not_converged(fit, steps);
		rate = before > 0 ? decrement / before : 0;
		if (plain && decrement < SEPARATION_AT && rate > SEPARATION_RATE && rate_before > SEPARATION_RATE &&
			direction_separates(fit, step))
			separated(fit, step);
		done = decrement <= DONE || (rows->firth && decrement <= NEARLY_DONE && rate >= 1);	/* or as good as rounding lets it be */
		before = decrement;
		rate_before = rate;
		memcpy(start, fit->beta, fit->p * sizeof(double));
		if (!done && take_step(fit, l, start, step))
			continue;
		if (!(decrement <= NEARLY_DONE))
			not_converged(fit, steps);
		for (j = 0; j < fit->p; j++)
			fit->beta[j] = start[j] + step[j];
		return steps;
	}
	if (before <= NEARLY_DONE && factor(fit, l))
		return MOST_STEPS;
	not_converged(fit, MOST_STEPS);
}

/* ---- what is known of the fit ---- */

/* Turn rows and columns i and j of a symmetric p x p matrix so that their common element becomes 0. */
static void
jacobi_rotate(double *a, int p, int i, int j)
{
	double		cotangent = (a[i * p + i] - a[j * p + j]) / (2 * a[i * p + j]);
	double		t = (cotangent >= 0 ? 1 : -1) / (fabs(cotangent) + sqrt(cotangent * cotangent + 1));
	double		c = 1 / sqrt(t * t + 1);
	double		s = t * c;
	int			m;

	for (m = 0; m < p; m++)
	{
		double		x = a[m * p + j];
		double		y = a[m * p + i];

		a[m * p + j] = c * x - s * y;
		a[m * p + i] = s * x + c * y;
	}
	for (m = 0; m < p; m++)
	{
		double		x = a[j * p + m];
		double		y = a[i * p + m];

		a[j * p + m] = c * x - s * y;
		a[i * p + m] = s * x + c * y;
	}
}

/* The ratio of the largest to the smallest eigenvalue of the information matrix with its diagonal scaled to 1, by Jacobi's method. */
static double
condition_number(const Fit *fit)
{
	int			p = fit->p;
	double	   *a = palloc(p * p * sizeof(double));
	double		low = DBL_MAX;
	double		high = 0;
	double		off = 1;
	int			sweep;
	int			i;
	int			j;

	for (i = 0; i < p; i++)
		for (j = 0; j < p; j++)
			a[i * p + j] = fit->information[i * p + j] / sqrt(fit->information[i * p + i]) / sqrt(fit->information[j * p + j]);
	for (sweep = 0; sweep < MOST_SWEEPS && off >= DIAGONAL * DIAGONAL; sweep++)
	{
		CHECK_FOR_INTERRUPTS();
		off = 0;
		for (i = 1; i < p; i++)
			for (j = 0; j < i; j++)
			{
				off += a[i * p + j] * a[i * p + j];
				if (fabs(a[i * p + j]) >= 1e-18)
					jacobi_rotate(a, p, i, j);
			}
	}
	for (i = 0; i < p; i++)
	{
		low = Min(low, a[i * p + i]);
		high = Max(high, a[i * p + i]);
	}
	return high / Max(low, high * DBL_EPSILON);
}

/* Sort keys by the radix of 11 bits; returns the array of the two that holds them. */
static uint64 *
sort_keys(uint64 *keys, uint64 *spare, int64 n)
{
	uint64		differing = 0;
	int			shift;
	int64		i;

	for (i = 0; i < n; i++)
	{
		if ((i & 65535) == 0)
			CHECK_FOR_INTERRUPTS();
		differing |= keys[i] ^ keys[0];
	}
	for (shift = 0; shift < 64 && differing >> shift != 0; shift += 11)
	{
		int64		ends[2048] = {0};
		int64		sum = 0;
		uint64	   *swap = keys;
		int			digit;

		for (i = 0; i < n; i++)
		{
			if ((i & 65535) == 0)
				CHECK_FOR_INTERRUPTS();
			ends[(keys[i] >> shift) & 2047]++;
		}
		for (digit = 0; digit < 2048; digit++)
		{
			int64		count = ends[digit];

			ends[digit] = sum;
			sum += count;
		}
		for (i = 0; i < n; i++)
		{
			if ((i & 65535) == 0)
				CHECK_FOR_INTERRUPTS();
			spare[ends[(keys[i] >> shift) & 2047]++] = keys[i];
		}
		keys = spare;
		spare = swap;
	}
	return keys;
}

/* The keys of all rows: the linear predictor in steps of the grid, and in the lowest bit whether y was true. */
static void
find_keys(Fit *fit, uint64 *keys)
{
	BlockWalk	at = {0};
	const char *block;
	int			n;
	int			i;

	while ((block = walk(fit->rows, &at, &n)) != NULL)
	{
		const char *event = block_events(fit, block);

		load_block(fit, block, n);
		predict_block(fit, fit->beta);
		for (i = 0; i < n; i++)
		{
			double		eta = Max(Min(fit->eta[i], AUC_BOUND - 1), 1 - AUC_BOUND);

			*keys++ = ((uint64) ((int64) rint(eta * AUC_GRID) + (INT64CONST(1) << 62)) << 1) | (event[i] ? 1 : 0);
		}
	}
}

/* The AUC of the linear predictor. */
static double
fitted_auc(Fit *fit)
{
	int64		n = fit->rows->n;
	uint64	   *keys = MemoryContextAllocHuge(CurrentMemoryContext, n * AUC_BYTES);
	uint64	   *sorted;
	AucSum		sum = {0};
	int64		i = 0;

	find_keys(fit, keys);
	sorted = sort_keys(keys, keys + n, n);
	while (i < n)
	{
		uint64		score = sorted[i] >> 1;
		int64		first = i;
		int64		events = 0;

		CHECK_FOR_INTERRUPTS();
		for (; i < n && sorted[i] >> 1 == score; i++)
			events += sorted[i] & 1;
		auc_add(&sum, (double) events, (double) (i - first - events));
	}
	pfree(keys);
	return auc_of(&sum);
}

/* Raises 22003 unless a coefficient of the features as they were given is a number that double can hold. */
static void
check_coefficient(const Fit *fit, int j, double coef, double se)
{
	if (isnan(coef) || isinf(coef) || isnan(se) || isinf(se))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the coefficient of %s is out of range for type double precision",
						j == 0 ? "the intercept" : feature_shown(fit->rows->names, j - 1)),
				 errhint("Take another unit, or count from another zero.")));
}

/* Coefficient j of the features as they were given, as a combination of those of the scaled ones. */
static void
find_combination(const Fit *fit, int j, double *row)
{
	int			i;

	memset(row, 0, fit->p * sizeof(double));
	if (j > 0)
		row[j] = fit->sd[j - 1] > 0 ? fit->inverse_sd[j - 1] : 1;
	else
	{
		row[0] = 1;
		for (i = 1; i < fit->p; i++)
			row[i] = -fit->mean[i - 1] * (fit->sd[i - 1] > 0 ? fit->inverse_sd[i - 1] : 1);
	}
}

/* Coefficients and standard errors of the features as they were given, from those of the scaled ones. */
static void
unscale(const Fit *fit, const double *l, double *coef, double *se)
{
	int			p = fit->p;
	double	   *row = palloc(p * sizeof(double));
	int			i;
	int			j;
	int			m;

	for (j = 0; j < p; j++)
	{
		double		variance = 0;

		find_combination(fit, j, row);
		coef[j] = 0;
		for (i = 0; i < p; i++)
			coef[j] += row[i] * fit->beta[i];
		/* its variance: the square of the solution of L v = row */
		for (i = 0; i < p; i++)
		{
			for (m = 0; m < i; m++)
				row[i] -= l[i * p + m] * row[m];
			row[i] /= l[i * p + i];
			variance += row[i] * row[i];
		}
		se[j] = sqrt(variance);
		check_coefficient(fit, j, coef[j], se[j]);
	}
}

/* A fit of the rows, with its work space. */
static Fit *
make_fit(const LogitRows *rows)
{
	Fit		   *fit = palloc0(sizeof(Fit));
	int			k = rows->k;
	int			p = k + 1;

	fit->rows = rows;
	fit->k = k;
	fit->p = p;
	fit->mean = palloc0(k * sizeof(double));
	fit->sd = palloc0(k * sizeof(double));
	fit->inverse_sd = palloc0(k * sizeof(double));
	fit->penalty = palloc0(p * sizeof(double));
	fit->beta = palloc0(p * sizeof(double));
	fit->gradient = palloc0(p * sizeof(double));
	fit->information = palloc0(p * p * sizeof(double));
	fit->augmented = palloc0(p * p * sizeof(double));
	fit->z = palloc0(k * BLOCK_ROWS * sizeof(double));
	fit->wz = palloc0(BLOCK_ROWS * sizeof(double));
	fit->moves = palloc0(MOST_PAIRS * p * sizeof(double));
	fit->changes = palloc0(MOST_PAIRS * p * sizeof(double));
	fit->sums = palloc0(p * p * sizeof(LongSum));
	fit->gradient_sums = palloc0(p * sizeof(LongSum));
	return fit;
}

/* The model of a fit that is done in so many steps. */
static Datum
model_datum(FunctionCallInfo fcinfo, Fit *fit, const double *coef, const double *se, int steps)
{
	const LogitRows *rows = fit->rows;
	double		events = (double) rows->n_events;
	double		others = (double) (rows->n - rows->n_events);
	double		share = events / (double) rows->n;
	Datum		values[FIELDS];
	bool		nulls[FIELDS] = {false};

	nulls[FIELD_NAMES] = rows->names == NULL;
	values[FIELD_NAMES] = PointerGetDatum(rows->names);
	values[FIELD_COEF] = float_array(coef, fit->p);
	values[FIELD_SE] = float_array(se, fit->p);
	values[FIELD_MEANS] = float_array(fit->mean, fit->k);
	values[FIELD_SDS] = float_array(fit->sd, fit->k);
	values[FIELD_LOGLIK] = Float8GetDatum(fit->loglik);
	values[FIELD_NULL_LOGLIK] = Float8GetDatum(events * log(share) + others * log1p(-share));
	values[FIELD_AUC] = Float8GetDatum(fitted_auc(fit));
	values[FIELD_N] = Int64GetDatum(rows->n);
	values[FIELD_N_EVENTS] = Int64GetDatum(rows->n_events);
	values[FIELD_N_SKIPPED] = Int64GetDatum(rows->n_skipped);
	values[FIELD_N_ITER] = Int64GetDatum(steps);
	values[FIELD_CONDITION] = Float8GetDatum(condition_number(fit));
	values[FIELD_RIDGE] = Float8GetDatum(rows->ridge);
	values[FIELD_FIRTH] = BoolGetDatum(rows->firth);
	return composite_datum(fcinfo, values, nulls);
}

/* The model of the rows. */
Datum
cm_logit_fit_final(PG_FUNCTION_ARGS)
{
	LogitRows  *rows = PG_ARGISNULL(0) ? NULL : (LogitRows *) PG_GETARG_POINTER(0);
	Fit		   *fit;
	Span	   *spans;
	double	   *l;
	double		coef[MAX_COEFS];
	double		se[MAX_COEFS];
	int			steps;

	fit_context(fcinfo);
	if (rows == NULL || rows->n == 0)
		PG_RETURN_NULL();
	fit = make_fit(rows);
	spans = palloc(fit->k * sizeof(Span));
	l = palloc(fit->p * fit->p * sizeof(double));
	find_spans(fit, spans);
	check_data(fit, spans);
	find_means(fit, spans);
	find_deviations(fit, spans);
	check_collinear(fit);
	steps = iterate(fit, l);
	unscale(fit, l, coef, se);
	return model_datum(fcinfo, fit, coef, se, steps);
}

/* ---- what a model says ---- */

/* Take as many doubles as expected out of a field. */
static void
take_floats(const Model *model, int field, int expected, double *result)
{
	int			n;
	const double *values = model_floats(model, field, &n);

	if (n != expected)
		model_invalid(model, field_names[field]);
	memcpy(result, values, n * sizeof(double));
}

/* Read and check argument 0, which is not NULL. */
static void
read_model(FunctionCallInfo fcinfo, LogitModel *result)
{
	Model		model = model_argument(fcinfo, 0, "logit_model", field_names, FIELDS);
	int			ncoef;
	int			i;

	model_floats(&model, FIELD_COEF, &ncoef);
	if (ncoef < 2 || ncoef > MAX_COEFS)
		model_invalid(&model, field_names[FIELD_COEF]);
	result->k = ncoef - 1;
	take_floats(&model, FIELD_COEF, ncoef, result->coef);
	take_floats(&model, FIELD_SE, ncoef, result->se);
	for (i = 0; i < ncoef; i++)
		if (result->se[i] <= 0)
			model_invalid(&model, field_names[FIELD_SE]);
	take_floats(&model, FIELD_MEANS, result->k, result->means);
	result->names = NULL;
	if (!model.nulls[FIELD_NAMES])
	{
		result->names = DatumGetArrayTypeP(model.values[FIELD_NAMES]);
		if (ARR_ELEMTYPE(result->names) != TEXTOID || ARR_NDIM(result->names) != 1 ||
			ARR_DIMS(result->names)[0] != result->k || array_contains_nulls(result->names))
			model_invalid(&model, field_names[FIELD_NAMES]);
	}
}

/* The model of argument 0, read once as long as it stays the same. */
static const LogitModel *
kept_model(FunctionCallInfo fcinfo)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	KeptModel  *kept = fcinfo->flinfo->fn_extra;
	Size		length = HeapTupleHeaderGetDatumLength(header);

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KeptModel));
		fcinfo->flinfo->fn_extra = kept;
	}
	if (kept->length != length || memcmp(kept->bytes, header, length) != 0)
	{
		kept->length = 0;
		read_model(fcinfo, &kept->model);
		kept->model.names = NULL;	/* belongs to the row */
		if (kept->bytes)
			pfree(kept->bytes);
		kept->bytes = NULL;
		kept->bytes = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, length);
		memcpy(kept->bytes, header, length);
		kept->length = length;
	}
	return &kept->model;
}

/* logit_predict(model, x): the probability, or NULL if an element is NULL. */
Datum
cm_logit_predict(PG_FUNCTION_ARGS)
{
	const LogitModel *model = kept_model(fcinfo);
	int			n;
	const double *x = feature_values(PG_GETARG_ARRAYTYPE_P(1), model->k, true, NULL, &n);
	double		eta = model->coef[0];
	int			j;

	if (x == NULL)
		PG_RETURN_NULL();
	for (j = 0; j < n; j++)
		eta += model->coef[j + 1] * x[j];
	if (isnan(eta))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the features are too large for their coefficients: the sum of their products is out of range for type double precision")));
	PG_RETURN_FLOAT8(logistic(eta));
}

/* The names for the rows of a result: of an argument, or of the model. */
static ArrayType *
result_names(FunctionCallInfo fcinfo, int argument, const LogitModel *model)
{
	ArrayType  *names;

	if (PG_ARGISNULL(argument))
		return model->names;
	names = PG_GETARG_ARRAYTYPE_P(argument);
	check_names(names, model->k);
	return names;
}

/* A number, or NULL where it is beyond the range of double. */
static Datum
number_or_null(double value, bool *isnull)
{
	*isnull = isinf(value);
	return Float8GetDatum(value);
}

/* logit_summary(model, names, confidence): a row for each coefficient. */
Datum
cm_logit_summary(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	double		deviate = normal_deviate(confidence_argument(fcinfo, 2));
	LogitModel	model;
	ArrayType  *names;
	int			j;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	read_model(fcinfo, &model);
	names = result_names(fcinfo, 1, &model);
	for (j = 0; j <= model.k; j++)
	{
		double		z = model.coef[j] / model.se[j];
		Datum		values[8];
		bool		nulls[8] = {false};

		values[0] = j == 0 ? CStringGetTextDatum("intercept") : term_datum(names, j - 1);
		values[1] = Float8GetDatum(model.coef[j]);
		values[2] = Float8GetDatum(model.se[j]);
		values[3] = number_or_null(z, &nulls[3]);
		values[4] = Float8GetDatum(normal_two_sided(z));
		values[5] = number_or_null(exp(model.coef[j]), &nulls[5]);
		values[6] = number_or_null(exp(model.coef[j] - deviate * model.se[j]), &nulls[6]);
		values[7] = number_or_null(exp(model.coef[j] + deviate * model.se[j]), &nulls[7]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* What a feature adds to the linear predictor. */
typedef struct Contribution
{
	int			feature;
	double		value;
	double		contribution;
} Contribution;

/* Order: largest first, either sign; of equal ones the feature that comes first. */
static int
compare_contributions(const void *a, const void *b)
{
	const Contribution *left = a;
	const Contribution *right = b;

	if (fabs(left->contribution) != fabs(right->contribution))
		return fabs(left->contribution) > fabs(right->contribution) ? -1 : 1;
	return left->feature - right->feature;
}

/* logit_contributions(model, x, names): a row for each feature; none if an element is NULL. */
Datum
cm_logit_contributions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Contribution list[MAX_FEATURES];
	LogitModel	model;
	ArrayType  *names;
	const double *x;
	int			n;
	int			j;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	read_model(fcinfo, &model);
	names = result_names(fcinfo, 2, &model);
	x = feature_values(PG_GETARG_ARRAYTYPE_P(1), model.k, true, names, &n);
	if (x == NULL)
		return (Datum) 0;
	for (j = 0; j < n; j++)
	{
		list[j].feature = j;
		list[j].value = x[j];
		list[j].contribution = model.coef[j + 1] * (x[j] - model.means[j]) + 0.0;	/* -0 becomes 0 */
		if (isnan(list[j].contribution) || isinf(list[j].contribution))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the contribution of %s is out of range for type double precision", feature_shown(names, j))));
	}
	qsort(list, n, sizeof(Contribution), compare_contributions);
	for (j = 0; j < n; j++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = term_datum(names, list[j].feature);
		values[1] = Float8GetDatum(list[j].value);
		values[2] = Float8GetDatum(list[j].contribution);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
