//! Data folders of older versions. What they hold is brought into today's form when they are opened, all of it or
//! nothing: a folder that is refused is still what it was.

use rusqlite::Connection as Database;

use super::{FORMAT, decode};
use crate::error::Error;
use crate::model::{
    Actor, Application, Billing, BuilderProject, ClockAhead, Connection, ConnectionState, CustomDefinition,
    Dataplane, Group, GroupMember, Job, Organization, Permission, Record, Refresh, Region, SourceCatalog,
    StreamState, Tag, User, Workspace,
};

/// What each format needs to become the next one, beginning with the first.
const STEPS: [&str; 1] = [
    // Tags were kept as they were sent, with their connections and nowhere else. A job had a type of another name.
    "insert or ignore into objects (kind, id, body)
         select 'tag', lower(tag.value ->> 'tagId'), json_object(
             'id', lower(tag.value ->> 'tagId'), 'workspace_id', lower(tag.value ->> 'workspaceId'),
             'name', tag.value ->> 'name', 'color', tag.value ->> 'color'
         )
         from objects as one, json_each(one.body, '$.tags') as tag
         where one.kind = 'connection' and tag.type = 'object' and tag.value ->> 'tagId' is not null
             and tag.value ->> 'workspaceId' is not null and tag.value ->> 'name' is not null
             and tag.value ->> 'color' is not null
         order by one.position, tag.key;
     update objects set body = json_set(body, '$.tags', json((
         select json_group_array(lower(tag.value ->> 'tagId') order by tag.key)
         from json_each(objects.body, '$.tags') as tag
         where tag.type = 'object' and tag.value ->> 'tagId' is not null
     ))) where kind = 'connection' and exists (
         select 1 from json_each(objects.body, '$.tags') as tag where tag.type = 'object'
     );
     update objects set body = json_remove(json_set(body, '$.kind', body ->> 'job_type'), '$.job_type')
         where kind = 'job' and body ->> 'job_type' is not null;",
];

/// Brings the objects of a folder in this older format into today's form.
pub(super) fn migrate(database: &Database, found: i64) -> Result<(), Error> {
    let change = database.unchecked_transaction()?;
    let done = usize::try_from(found - 1).unwrap_or_default();
    for step in STEPS.iter().skip(done) {
        change.execute_batch(step)?;
    }
    check::<Actor>(&change)?;
    check::<Application>(&change)?;
    check::<Billing>(&change)?;
    check::<BuilderProject>(&change)?;
    check::<ClockAhead>(&change)?;
    check::<Connection>(&change)?;
    check::<ConnectionState>(&change)?;
    check::<CustomDefinition>(&change)?;
    check::<Dataplane>(&change)?;
    check::<Group>(&change)?;
    check::<GroupMember>(&change)?;
    check::<Job>(&change)?;
    check::<Organization>(&change)?;
    check::<Permission>(&change)?;
    check::<Refresh>(&change)?;
    check::<Region>(&change)?;
    check::<SourceCatalog>(&change)?;
    check::<StreamState>(&change)?;
    check::<Tag>(&change)?;
    check::<User>(&change)?;
    check::<Workspace>(&change)?;
    change.pragma_update(None, "user_version", FORMAT)?;
    Ok(change.commit()?)
}

/// Whether all objects of a kind can be read. Else it would show much later, and one by one.
fn check<T: Record>(database: &Database) -> Result<(), Error> {
    let mut statement = database.prepare("select id, body from objects where kind = ?1")?;
    let mut rows = statement.query([T::KIND])?;
    while let Some(row) = rows.next()? {
        let (id, body): (String, String) = (row.get(0)?, row.get(1)?);
        if decode::<T>(&body).is_err() {
            // What is wrong may quote a secret.
            return Err(Error::OlderData { kind: T::KIND, id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_step_for_each_older_format() {
        assert_eq!(i64::try_from(STEPS.len()).unwrap() + 1, FORMAT);
    }
}
