/*
 * model.c
 *		What the estimators share; see model.h and docs/estimators.md.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "checks.h"
#include "model.h"
#include "state.h"

int			fit_memory = 512 * 1024;

void		_PG_init(void);

/* Called when the module is loaded. */
void
_PG_init(void)
{
	DefineCustomIntVariable("churnmetrics.fit_memory",
							"The most memory that the rows of one aggregate of an estimator may take.",
							"Such as survival_fit, logit_fit and auc. An aggregate that needs more raises an error.",
							&fit_memory, 512 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("churnmetrics");
}

/* Raises 54000 if the rows of an aggregate are to take more bytes than they may. */
void
check_fit_memory(Size bytes)
{
	if (bytes / 1024 > (Size) fit_memory)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rows of this call need %zu kB, more than churnmetrics.fit_memory, %d kB",
						bytes / 1024, fit_memory),
				 errhint("Raise churnmetrics.fit_memory, or give it fewer rows, or values that are rounded.")));
}

/* The context of the aggregate that is running; raises 0A000 outside of one. */
MemoryContext
fit_context(FunctionCallInfo fcinfo)
{
	return aggregate_context(fcinfo);
}

/* A double as an error message shows it. */
char *
number_shown(double value)
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "Infinity" : "-Infinity";
	return psprintf("%.15g", value);
}

/* A finite double; raises 22004 for NULL and 22023 for the rest. */
double
float_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	double		value;

	check_not_null(name, PG_ARGISNULL(argument));
	value = PG_GETARG_FLOAT8(argument);
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number, not %s", name, number_shown(value))));
	return value;
}

/* A double between two bounds, neither allowed; raises 22004 or 22023. */
double
float_between(FunctionCallInfo fcinfo, int argument, const char *name, double low, double high)
{
	double		value = float_argument(fcinfo, argument, name);

	if (!(value > low && value < high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %s and %s, both exclusive, not %s", name, number_shown(low), number_shown(high), number_shown(value)),
				 low == 0 && high == 1 && value > 1 ? errhint("5 percent is given as 0.05, 80 percent as 0.8.") : 0));
	return value;
}

/* A double above a bound; raises 22004 or 22023. */
double
float_above(FunctionCallInfo fcinfo, int argument, const char *name, double low)
{
	double		value = float_argument(fcinfo, argument, name);

	if (!(value > low))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be more than %s, not %s", name, number_shown(low), number_shown(value))));
	return value;
}

/* A double that is at least so much; raises 22004 or 22023. */
double
float_at_least(FunctionCallInfo fcinfo, int argument, const char *name, double least)
{
	double		value = float_argument(fcinfo, argument, name);

	if (!(value >= least))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %s or more, not %s", name, number_shown(least), number_shown(value))));
	return value;
}

/* The confidence of an interval. */
double
confidence_argument(FunctionCallInfo fcinfo, int argument)
{
	double		value = float_argument(fcinfo, argument, "confidence");

	if (!(value > 0 && value < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must be between 0 and 1, both exclusive, not %s", number_shown(value)),
				 errhint("95 percent is given as 0.95.")));
	return value;
}

/* The number of the word that a text argument is; raises 22004 or 22023 with the words that there are. */
int
choice_argument(FunctionCallInfo fcinfo, int argument, const char *name, const char *const *choices, int nchoices)
{
	StringInfoData list;
	char	   *word;
	int			i;

	check_not_null(name, PG_ARGISNULL(argument));
	word = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	for (i = 0; i < nchoices; i++)
		if (strcmp(word, choices[i]) == 0)
			return i;
	initStringInfo(&list);
	for (i = 0; i < nchoices; i++)
		appendStringInfo(&list, "%s%s", i ? ", " : "", choices[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be one of %s, not \"%s\"", name, list.data, word)));
	return -1;
}

/* The bytes of a serialized state as a message to read. */
StringInfoData
message_of(bytea *bytes)
{
	StringInfoData buffer;

	buffer.data = VARDATA_ANY(bytes);
	buffer.len = VARSIZE_ANY_EXHDR(bytes);
	buffer.maxlen = buffer.len;
	buffer.cursor = 0;
	return buffer;
}

/* A row of the composite type that the running function returns; its description is kept in fn_extra. */
Datum
composite_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;

	if (tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "function must return a composite type");
		tupdesc = BlessTupleDesc(tupdesc);
		fcinfo->flinfo->fn_extra = tupdesc;
		MemoryContextSwitchTo(old);
	}
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

/* An array of 8-byte values passed by value, which may be too large for construct_array's doubling buffer. */
static Datum
word_array(const void *values, int n, Oid element_type)
{
	Size		bytes = ARR_OVERHEAD_NONULLS(1) + (Size) n * sizeof(int64);
	ArrayType  *array;

	if (n == 0)
		return PointerGetDatum(construct_empty_array(element_type));
	if (!AllocSizeIsValid(bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a model of %d distinct values exceeds the largest value of 1 GB", n),
				 errhint("Give the aggregate values that are rounded, such as whole days.")));
	array = palloc(bytes);
	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = element_type;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), values, (Size) n * sizeof(int64));
	return PointerGetDatum(array);
}

/* An array of doubles. */
Datum
float_array(const double *values, int n)
{
	return word_array(values, n, FLOAT8OID);
}

/* An array of bigint. */
Datum
int_array(const int64 *values, int n)
{
	return word_array(values, n, INT8OID);
}

/* Take a model apart; the argument must not be NULL. */
Model
model_argument(FunctionCallInfo fcinfo, int argument, const char *type, const char *const *names, int nfields)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(argument);
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {0};
	Model		model = {type, nfields, NULL, NULL, NULL, names};
	int			i;

	if (tupdesc->natts != nfields)
		elog(ERROR, "type %s has %d attributes, not %d", type, tupdesc->natts, nfields);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	model.values = palloc(nfields * sizeof(Datum));
	model.nulls = palloc(nfields * sizeof(bool));
	model.types = palloc(nfields * sizeof(Oid));
	heap_deform_tuple(&tuple, tupdesc, model.values, model.nulls);
	for (i = 0; i < nfields; i++)
		model.types[i] = TupleDescAttr(tupdesc, i)->atttypid;
	ReleaseTupleDesc(tupdesc);
	return model;
}

/* Raises 22023: a field of a model has a value that no fit gives it. */
void
model_invalid(const Model *model, const char *field)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has a value in \"%s\" that no fit gives it", model->type, field),
			 errhint("A model is made by its aggregate; it is not meant to be written by hand.")));
	pg_unreachable();
}

/* A field of the expected type that is not NULL. */
static Datum
model_field(const Model *model, int field, Oid type)
{
	if (model->types[field] != type)
		elog(ERROR, "attribute \"%s\" of type %s has an unexpected type", model->names[field], model->type);
	if (model->nulls[field])
		model_invalid(model, model->names[field]);
	return model->values[field];
}

/* A double of a model within two bounds, both allowed. */
double
model_float(const Model *model, int field, double low, double high)
{
	double		value = DatumGetFloat8(model_field(model, field, FLOAT8OID));

	if (!(value >= low && value <= high) || isinf(value))
		model_invalid(model, model->names[field]);
	return value;
}

/* A bigint of a model within two bounds, both allowed. */
int64
model_int(const Model *model, int field, int64 low, int64 high)
{
	int64		value = DatumGetInt64(model_field(model, field, INT8OID));

	if (value < low || value > high)
		model_invalid(model, model->names[field]);
	return value;
}

/* A boolean of a model. */
bool
model_bool(const Model *model, int field)
{
	return DatumGetBool(model_field(model, field, BOOLOID));
}

/* The elements of an array of a model without NULLs, of one dimension or empty. */
static const void *
model_array(const Model *model, int field, Oid array_type, Oid element_type, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(model_field(model, field, array_type));

	*n = 0;
	if (ARR_NDIM(array) == 0)
		return ARR_DATA_PTR(array);
	if (ARR_NDIM(array) != 1 || array_contains_nulls(array) || ARR_ELEMTYPE(array) != element_type)
		model_invalid(model, model->names[field]);
	*n = ARR_DIMS(array)[0];
	return ARR_DATA_PTR(array);
}

/* An array of finite doubles. */
const double *
model_floats(const Model *model, int field, int *n)
{
	const double *values = model_array(model, field, FLOAT8ARRAYOID, FLOAT8OID, n);
	int			i;

	for (i = 0; i < *n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (isnan(values[i]) || isinf(values[i]))
			model_invalid(model, model->names[field]);
	}
	return values;
}

/* An array of bigint. */
const int64 *
model_ints(const Model *model, int field, int *n)
{
	return model_array(model, field, INT8ARRAYOID, INT8OID, n);
}
