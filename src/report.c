/*
 * report.c
 *		Runs a report over a ledger, or over the rows of a caller's query.
 *
 * The query's text is not run as it is: it becomes the subquery of
 *		SELECT subscription_ledger(c1, c2, c3, c4) FROM (...) AS q(c1, c2, c3, c4)
 * so that the rows are gathered inside the plan, in parallel where the planner
 * wants it, and the report walks over the aggregate's state as it is.  The text is parsed by itself
 * first: it must be one SELECT, so nothing can escape from the parentheses.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "checks.h"
#include "policy.h"
#include "report.h"

/* Arguments of every report: the ledger or query, then these. */
#define ARG_EVERY		1
#define ARG_POLICY		5
#define ARG_ORIGIN		6

/* Receives the one row of the wrapped query and runs the report over it. */
typedef struct ReportReceiver
{
	DestReceiver pub;
	Report		report;
	const PeriodRequest *request;
	ReturnSetInfo *result;
} ReportReceiver;

/*
 * Enter a context for the values of one row at a time: a report can have
 * millions of rows.  Returns the context to go back to.
 */
MemoryContext
report_rows_begin(void)
{
	return MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext, "report row",
													   ALLOCSET_DEFAULT_SIZES));
}

/* Put out a row and forget its values. */
void
report_row(ReturnSetInfo *result, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	MemoryContextReset(CurrentMemoryContext);
}

/* Leave the context of report_rows_begin. */
void
report_rows_end(MemoryContext old)
{
	MemoryContextDelete(MemoryContextSwitchTo(old));
}

/* The checked arguments that every report shares; the result is ready to take rows. */
static PeriodRequest
report_begin(FunctionCallInfo fcinfo)
{
	PeriodRequest request = period_request(fcinfo, ARG_EVERY, ARG_ORIGIN);

	policy_argument(fcinfo, ARG_POLICY);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	return request;
}

/* Entry of the reports that take a ledger; NULL is an empty one. */
Datum
report_on_ledger(FunctionCallInfo fcinfo, Report report)
{
	PeriodRequest request = report_begin(fcinfo);
	Ledger		ledger = ledger_argument(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0),
										 PG_ARGISNULL(0), true);

	report(&ledger, &request, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* Called before the first row: nothing to do. */
static void
receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	(void) self;
	(void) operation;
	(void) typeinfo;
}

/* Run the report over the ledger that the row holds; never asks to stop. */
static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	ReportReceiver *receiver = (ReportReceiver *) self;
	bool		isnull;
	Datum		datum = slot_getattr(slot, 1, &isnull);
	Ledger		ledger = ledger_argument(datum, isnull, false);

	receiver->report(&ledger, receiver->request, receiver->result);
	return true;
}

/* Called after the last row and at the end: nothing to do. */
static void
receiver_nothing(DestReceiver *self)
{
	(void) self;
}

#define COLUMNS_HINT	"The query must return customer, started_at, ended_at and mrr, in this order."

/* Report a column that is missing, or one too many. */
static void
check_column_count(TupleDesc columns, int least)
{
	static const char *const names[] = {"customer", "started_at", "ended_at", "mrr"};
	int			n = columns ? columns->natts : 0;

	if (n < least)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d (%s) of the query is missing", n + 1, names[n]),
				 errhint(COLUMNS_HINT)));
	if (n > (int) lengthof(names))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d (%s) of the query is one too many", (int) lengthof(names) + 1,
						NameStr(TupleDescAttr(columns, lengthof(names))->attname)),
				 errhint(COLUMNS_HINT)));
}

/* Raises 42804 for a column of the query whose type is not the expected one. */
static void
column_error(int column, const char *name, Oid type, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column %d (%s) of the query has type %s, but must be %s",
					column, name, format_type_be(type), expected),
			 column == 3 && type == TEXTOID ? errhint("A NULL without a type is text: write NULL::date, for example.") :
			 errhint(COLUMNS_HINT)));
}

/* The type that the customer column is read as. */
static const char *
customer_type(Oid type)
{
	Oid			base = getBaseType(type);
	char		category;
	bool		preferred;

	if (base == INT2OID || base == INT4OID || base == INT8OID)
		return "int8";
	if (base == UUIDOID)
		return "uuid";
	get_type_category_preferred(base, &category, &preferred);
	if (category != TYPCATEGORY_STRING)
		column_error(1, "customer", type, "bigint, uuid or text");
	return "text";
}

/* Is a base type date, timestamp or timestamp with time zone? */
static bool
is_time_type(Oid base)
{
	return base == DATEOID || base == TIMESTAMPOID || base == TIMESTAMPTZOID;
}

/* Is a column of the query the bare NULL, whose type is text for want of another? */
static bool
column_is_null(const CachedPlanSource *source, int column)
{
	Query	   *query = source->query_list ? linitial_node(Query, source->query_list) : NULL;
	TargetEntry *entry;

	if (query == NULL || list_length(query->targetList) < column)
		return false;
	entry = list_nth_node(TargetEntry, query->targetList, column - 1);
	return !entry->resjunk && IsA(entry->expr, Const) && ((Const *) entry->expr)->constisnull;
}

/* The type that both time columns are read as. */
static const char *
time_type(Oid start_type, Oid end_type)
{
	Oid			start = getBaseType(start_type);
	Oid			end = getBaseType(end_type);

	if (!is_time_type(start))
		column_error(2, "started_at", start_type, "date, timestamp or timestamp with time zone");
	if (!is_time_type(end) || (start == TIMESTAMPTZOID) != (end == TIMESTAMPTZOID))
		column_error(3, "ended_at", end_type,
					 start == TIMESTAMPTZOID ? "timestamp with time zone, as started_at is" :
					 "date or timestamp, as started_at is local time");
	if (start == TIMESTAMPTZOID)
		return "timestamptz";
	return start == DATEOID && end == DATEOID ? "date" : "timestamp";
}

/* Raises 42804 unless the type is numeric or is cast to it on assignment. */
static void
check_mrr_type(Oid type)
{
	Oid			function;

	if (getBaseType(type) != NUMERICOID &&
		find_coercion_pathway(NUMERICOID, type, COERCION_ASSIGNMENT, &function) == COERCION_PATH_NONE)
		column_error(4, "mrr", type, "numeric, or a type that is cast to it on assignment");
}

/*
 * The statement that builds the ledger of a query's rows; what is wrong with the
 * query is an error that names it.  Needs an SPI connection.
 */
static char *
ledger_statement(const char *query, const char *schema, bool needs_mrr)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	List	   *sources;
	CachedPlanSource *source;
	RawStmt    *raw;
	TupleDesc	columns;
	Oid			start_type;
	Oid			end_type;
	const char *customer;
	const char *time;
	StringInfoData text;
	int			length;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be one statement, not %d", list_length(sources))));
	source = (CachedPlanSource *) linitial(sources);
	raw = source->raw_parse_tree;
	if (raw == NULL || !IsA(raw->stmt, SelectStmt) || ((SelectStmt *) raw->stmt)->intoClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query must be a SELECT, VALUES or TABLE statement that only reads")));

	columns = source->resultDesc;
	check_column_count(columns, needs_mrr ? 4 : 3);
	customer = customer_type(TupleDescAttr(columns, 0)->atttypid);
	start_type = TupleDescAttr(columns, 1)->atttypid;
	end_type = TupleDescAttr(columns, 2)->atttypid;
	time = time_type(start_type, column_is_null(source, 3) ? start_type : end_type);
	if (columns->natts == 4)
		check_mrr_type(TupleDescAttr(columns, 3)->atttypid);

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s.subscription_ledger(c1::pg_catalog.%s, c2::pg_catalog.%s, c3::pg_catalog.%s",
					 quote_identifier(schema), customer, time, time);
	appendStringInfoString(&text, columns->natts == 4 ? ", c4::pg_catalog.numeric) FROM (" : ") FROM (");
	/* the statement without its semicolon; a length of 0 means up to the end */
	length = raw->stmt_len > 0 ? raw->stmt_len : (int) strlen(query) - Max(raw->stmt_location, 0);
	appendBinaryStringInfo(&text, query + Max(raw->stmt_location, 0), length);
	appendStringInfoString(&text, columns->natts == 4 ? "\n) AS q(c1, c2, c3, c4)" : "\n) AS q(c1, c2, c3)");
	SPI_freeplan(plan);
	return text.data;
}

/* Entry of the reports that take the text of a query; run as the caller, read only. */
Datum
report_on_query(FunctionCallInfo fcinfo, Report report, bool needs_mrr)
{
	PeriodRequest request;
	SPIExecuteOptions options = {0};
	ReportReceiver receiver = {0};
	char	   *schema;
	char	   *statement;
	bool		was_read_only = XactReadOnly;
	int			result;

	check_not_null("query", PG_ARGISNULL(0));
	request = report_begin(fcinfo);
	schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));

	receiver.pub.receiveSlot = receiver_receive;
	receiver.pub.rStartup = receiver_startup;
	receiver.pub.rShutdown = receiver_nothing;
	receiver.pub.rDestroy = receiver_nothing;
	receiver.pub.mydest = DestNone;
	receiver.report = report;
	receiver.request = &request;
	receiver.result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	statement = ledger_statement(text_to_cstring(PG_GETARG_TEXT_PP(0)), schema, needs_mrr);
	options.read_only = true;
	options.dest = (DestReceiver *) &receiver;

	/* functions that the query calls must not write either */
	XactReadOnly = true;
	PG_TRY();
	{
		result = SPI_execute_extended(statement, &options);
	}
	PG_FINALLY();
	{
		XactReadOnly = was_read_only;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	return (Datum) 0;
}
