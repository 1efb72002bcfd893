package db

// What is said to PostgreSQL's planner stands here, each with the plan that it prevents.
// Beside these, names are looked up by sub-selects instead of joins, which would be
// planned anew for the size of each group.

// PlanForValues has PostgreSQL plan for the very values of a statement, and take pages
// for cheap: they lie in memory, or on solid-state disks, and what is done with their
// rows costs more. Else one plan would serve for a value of one user and of all, and a
// scan would not be shared among processes.
const PlanForValues = `
select set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('seq_page_cost', '0.1', true),
       set_config('random_page_cost', '0.11', true)`

// PlanOnce has PostgreSQL keep one plan of each statement of a transaction, whatever its
// values are. Where a statement has a bound that PostgreSQL cannot know, such as the last of a
// page, it takes the work for large, and of that size the one per cent by which statistics find
// an organisation more or less frequent than the average is more than planning: then each
// page is planned anew, or none, as the last ANALYZE drew its sample.
const PlanOnce = `select set_config('plan_cache_mode', 'force_generic_plan', true)`

// InOrder has PostgreSQL follow an index in its order as far as a statement goes. It does not
// know how many rows a range has, or a value, and where it takes them for few it would rather
// read and sort them all than end behind the first.
const InOrder = `
select set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_sort', 'off', true),
       set_config('enable_bitmapscan', 'off', true)`

// A hidden value is one at which PostgreSQL does not look when it plans: a plan for one
// value must not look so much better than that for all that each value is planned for.
const (
	HiddenText = "(select $?::text)"
	HiddenID   = "(select $?::uuid)"
)

// ThoseIDs are given ids. An array that is an argument would make PostgreSQL plan each
// time for its very length.
func ThoseIDs(ids IDs) Fragment {
	return SQL(" = any(array(select unnest($?::uuid[])))", ids)
}

// OneByOne ends a sub-select of exists(), which is then looked up for each row. Else
// PostgreSQL might make it a join, and read a whole table for what are a few rows.
const OneByOne = `offset 0`

// FirstByName finds the row of a name, as the first of those from that name on. Before the
// first ANALYZE PostgreSQL takes a table for so small that any index of the organisation is as
// good as that of the name, and keeps the plan: each look-up of a name would read everybody
// until the table is analysed, while thousands are provisioned. Only the index of names has
// the order, which means nothing to PostgreSQL where the name is equal to a value.
const FirstByName = `order by r.user_name_key limit 1`

// FirstByID finds the row of an id, which is there, as the first of those from the id on.
// Before the first ANALYZE PostgreSQL would as soon look for the id in another index of the
// organisation, which has it behind something else, and so pass everybody each time.
const FirstByID = `order by r.id limit 1`

// The first and the last of all ids.
const (
	LeastID    = `'00000000-0000-0000-0000-000000000000'::uuid`
	GreatestID = `'ffffffff-ffff-ffff-ffff-ffffffffffff'`
)

// AnyID is true of every id. PostgreSQL expects it of few, and so finds members one by
// one: it knows how large groups are on average alone, and where that is not much it
// would rather read the group as a whole, be it the largest. Before the first ANALYZE it
// takes every group for one of a single member: so group and member are joined as one
// thing, which leaves no way to read the group by itself.
const AnyID = `between ` + LeastID + ` and ` + GreatestID

// Several are the ids of those of whom a statement for several is, each with its number n, as
// e. They hide behind a sub-select, or PostgreSQL would plan each time for how many they are.
// With e.id AnyID it expects of them one, whom it finds by the key: before the first ANALYZE it
// takes an organisation for a few rows, and would rather read that as a whole.
const Several = `unnest((select @id::uuid[][])) with ordinality as e (id, n)`
