package bench

// The statements of the floor: those of the server without what makes them SCIM.
const (
	floorGet = `select doc from users where org_id = $1 and id = $2`

	floorFind = `select doc from users where org_id = $1 and user_name_key = $2`

	floorFindEmail = `
select u.doc
from   user_keys k
join   users u on u.org_id = $1 and u.id = k.user_id
where  k.org_id = $1 and k.kind = 1 and k.key = $2`

	floorFindExternal = `select doc from users where org_id = $1 and external_id = $2`

	floorPage = `select doc from users where org_id = $1 and id > $2 order by id limit 100`

	// What an answer is made of, beside the groups.
	floorWhole     = `select id, version, created_at, modified_at, doc from users `
	floorWholePage = floorWhole + `where org_id = $1 and id > $2 order by id limit 100`

	floorSorted = floorWhole + `where org_id = $1 and user_name_key > $2 order by user_name_key limit 100`

	// A user's groups, as an array of ids with names. The name is cheaper looked up
	// than joined.
	floorGroups = `
array(select m.group_id::text || (select g.display_name from groups g where g.org_id = $1 and g.id = m.group_id)
      from   group_members m
      where  m.org_id = $1 and m.user_id = u.id
      order  by m.group_id)`
	floorGetGrouped  = `select u.doc, ` + floorGroups + ` from users u where u.org_id = $1 and u.id = $2`
	floorFindGrouped = `select u.doc, ` + floorGroups + ` from users u where u.org_id = $1 and u.user_name_key = $2`

	// The groups of all users of a page, in one query.
	floorPageGroups = `
select m.user_id, m.group_id, (select g.display_name from groups g where g.org_id = $1 and g.id = m.group_id)
from   group_members m
where  m.org_id = $1 and m.user_id > $2
and    m.user_id <= (select id from users where org_id = $1 and id > $2 order by id offset 99 limit 1)
order  by m.user_id, m.group_id`

	floorInsert = `
insert into users (org_id, id, version, created_at, modified_at, active, doc, folded,
                   user_name_key, display_name, display_name_key, external_id, employee_number_key, department_key)
values ($1, $2, 1, $3, $3, true, $4, $5, $6, $7, $8, $9, $10, $11)`

	// floorLog is the row of the provisioning log, as the server stores it of each change.
	floorLog = `insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name,
                                result, status, added, removed, member_id, detail)
  `
	floorActor  = `'00000000-0000-7000-8000-000000000001'::uuid, 'The floor', '00000000-0000-7000-8000-000000000002'`
	floorDetail = `'{"address":"127.0.0.1","changes":[{"attribute":"title","before":"Analyst","after":"Director"}],"us":1000}'`

	// The keys are an e-mail and two telephones; what is counted is an active user. The
	// row of modifications is of users.
	floorInsertWhole = `
with created as (` + floorInsert + `
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, k.kind, k.key, $2
  from   unnest('{1,2,2}'::smallint[], $12::text[]) as k (kind, key)
), modified as (
  insert into modifications (org_id, kind, modified_at, id) values ($1, 1, $3, $2)
), logged as (
  ` + floorLog + `values ($1, $14, ` + floorActor + `, 'create', 'User', $2, $6, 'success', 0, null, null, null, '{"after":' || $4::text || '}')
)
insert into count_changes (org_id, kind, id, n, resource_id) values ($1, 1, $13, 1, $2)`

	floorUpdate = `
update users
set    version = version + 1, modified_at = $3, doc = $4, folded = $5
where  org_id = $1 and id = $2`

	// What an update of a user who was read does, with its row of modifications and that of
	// the log.
	floorRead   = `select modified_at, doc from users where org_id = $1 and id = $2`
	floorChange = `
with moved as (
  update modifications
  set    modified_at = $3
  where  org_id = $1 and kind = 1 and modified_at = $6 and id = $2
), logged as (
  ` + floorLog + `values ($1, $7, ` + floorActor + `, 'update', 'User', $2, 'somebody@bench.example', 'success', 0, null, null, null, ` + floorDetail + `)
)` + floorUpdate

	floorAddMembers = `
with changed as (
  insert into group_members (org_id, group_id, user_id)
  select $1, $2, u.id
  from   unnest($3::uuid[]) as u (id)
  on conflict do nothing
  returning user_id
)` + floorCountMembers + `member_count + (select count(*) from changed)` + floorAnswerGroup

	// The condition that each id satisfies has PostgreSQL look for them one by one, and
	// not read the group.
	floorRemoveMembers = `
with changed as (
  delete from group_members m
  using  unnest($3::uuid[]) as gone (id)
  where  m.org_id = $1 and m.group_id = $2 and m.user_id = gone.id
  and    gone.id between '00000000-0000-0000-0000-000000000000' and 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  returning m.user_id
)` + floorCountMembers + `member_count - (select count(*) from changed)` + floorAnswerGroup

	floorCountMembers = `, moved as (
  update modifications m
  set    modified_at = $4
  from   groups g
  where  m.org_id = $1 and m.kind = 2 and m.modified_at = g.modified_at and m.id = g.id
  and    g.org_id = $1 and g.id = $2
), logged as (
  ` + floorLog + `select $1, $5::uuid, ` + floorActor + `, 'member_change', 'Group', $2, 'A group', 'success', 0,
         array(select user_id from changed), null, (select user_id from changed limit 1), ` + floorDetail + `
)
update groups
set    version = version + 1, modified_at = $4, member_count = `
	floorAnswerGroup = `
where  org_id = $1 and id = $2
returning doc`
)
