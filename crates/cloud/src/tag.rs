//! Tags: coloured labels of a workspace's connections.

use airbyte_api_raw::public::types;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Operation;
use crate::client::Client;
use crate::connection::ConnectionInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{TagId, WorkspaceId};
use crate::list::List;
use crate::workspace::Workspace;

/// The server's limit, in UTF-16 units.
const LONGEST_NAME: usize = 30;

/// What the server says about a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TagInfo {
    /// Its id.
    pub tag_id: TagId,
    /// Its name; unique in its workspace.
    pub name: String,
    /// Its colour: six hexadecimal digits, without `#`.
    pub color: String,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
}

impl From<types::TagResponse> for TagInfo {
    fn from(response: types::TagResponse) -> Self {
        Self {
            tag_id: TagId::new(response.tag_id.0),
            name: response.name,
            color: response.color,
            workspace_id: WorkspaceId::new(response.workspace_id.0),
        }
    }
}

impl TagInfo {
    /// The form in which connections have their tags.
    pub(crate) fn as_api(tags: impl IntoIterator<Item = Self>) -> Value {
        let tag = |tag: Self| {
            json!({
                "tagId": tag.tag_id, "name": tag.name, "color": tag.color, "workspaceId": tag.workspace_id,
            })
        };
        tags.into_iter().map(tag).collect()
    }
}

/// A tag, by its id; made by [`Client::tag`].
#[derive(Clone, Debug)]
pub struct Tag {
    client: Client,
    id: TagId,
}

impl Tag {
    /// Its id.
    pub fn id(&self) -> TagId {
        self.id
    }

    /// The client it was made by.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Refuses a name and a colour that [`create_tag`](Workspace::create_tag) and [`update`](Self::update) refuse
    /// before they ask the server: the name has at most 30 characters, the colour is six hexadecimal digits without
    /// `#`. Otherwise [`InvalidInput`](ErrorKind::InvalidInput).
    pub fn check(name: &str, color: &str) -> Result<()> {
        check_name(name)?;
        check_color(color)
    }

    /// What the server says about it (operation `getTag`).
    pub async fn info(&self) -> Result<TagInfo> {
        let id = self.id;
        let operation = Operation::read("getTag").of("tag", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().get_tag().tag_id(types::TagId(id.into())).send().await
        });
        call.await.map(TagInfo::from)
    }

    /// Gives it this name and colour (operation `updateTag`, which takes only both), if they pass the
    /// [check](Self::check). A name that another tag of the workspace has is a [`Conflict`](ErrorKind::Conflict).
    pub async fn update(&self, name: impl Into<String>, color: impl Into<String>) -> Result<TagInfo> {
        let change = types::TagPatchRequest { name: name.into(), color: color.into() };
        Self::check(&change.name, &change.color)?;
        let (id, change) = (self.id, &change);
        let operation = Operation::change("updateTag").on("tag", id);
        let call = self.client.path().run(operation, |attempt| async move {
            let api = attempt.public();
            api.update_tag().tag_id(types::TagId(id.into())).body(change.clone()).send().await
        });
        call.await.map(TagInfo::from)
    }

    /// Gives it this name and leaves its colour, which is read first. Otherwise as [`update`](Self::update).
    pub async fn rename(&self, name: impl Into<String>) -> Result<TagInfo> {
        let name = name.into();
        check_name(&name)?;
        self.update(name, self.info().await?.color).await
    }

    /// Gives it this colour and leaves its name, which is read first. Otherwise as [`update`](Self::update).
    pub async fn recolor(&self, color: impl Into<String>) -> Result<TagInfo> {
        let color = color.into();
        check_color(&color)?;
        self.update(self.info().await?.name, color).await
    }

    /// Deletes it and takes it off every connection (operation `deleteTag`).
    pub async fn delete(&self) -> Result<()> {
        let id = self.id;
        let operation = Operation::change("deleteTag").on("tag", id);
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().delete_tag().tag_id(types::TagId(id.into())).send().await
        });
        call.await.or_else(Error::gone_on_repeat)
    }
}

impl Client {
    /// A tag by its id. No request is made, so it may not exist.
    pub fn tag(&self, id: TagId) -> Tag {
        Tag { client: self.clone(), id }
    }
}

impl Workspace {
    /// Its tags (operation `listTags`), in no particular order. The server has no pages for them; a workspace
    /// holds at most 100.
    pub async fn tags(&self) -> Result<Vec<TagInfo>> {
        let id = self.id();
        let operation = Operation::read("listTags").of("workspace", id);
        let call = self.client().path().run(operation, |attempt| async move {
            attempt.public().list_tags().workspace_ids(vec![id.into()]).send().await
        });
        let tags: Vec<_> = call.await?.data.into_iter().map(TagInfo::from).collect();
        if tags.is_empty() {
            // An unknown workspace looks like one without tags.
            self.info().await?;
        }
        Ok(tags)
    }

    /// Makes a tag (operation `createTag`), if its name and colour pass the [check](Tag::check). A name that another
    /// tag of the workspace has is a [`Conflict`](ErrorKind::Conflict).
    pub async fn create_tag(&self, name: impl Into<String>, color: impl Into<String>) -> Result<TagInfo> {
        let request = types::TagCreateRequest {
            name: name.into(),
            color: color.into(),
            workspace_id: types::WorkspaceId(self.id().into()),
        };
        Tag::check(&request.name, &request.color)?;
        let request = &request;
        let call = self
            .client()
            .path()
            .run(Operation::once("createTag").on("workspace", self.id()), |attempt| async move {
                attempt.public().create_tag().body(request.clone()).send().await
            });
        call.await
            .map(TagInfo::from)
            .map_err(|error| error.perhaps_created(&format!("tag `{}`", request.name)))
    }
}

impl List<ConnectionInfo> {
    /// Only those with one of these tags, or more of them. The server looks for them.
    pub fn tagged(mut self, tags: impl IntoIterator<Item = TagId>) -> Self {
        self.filter.tags.extend(tags);
        self
    }
}

fn check_name(name: &str) -> Result<()> {
    let length = name.encode_utf16().count();
    if length > LONGEST_NAME {
        let message =
            format!("the name of a tag has at most {LONGEST_NAME} characters, this one has {length}");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(())
}

fn check_color(color: &str) -> Result<()> {
    if color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::InvalidInput, format!("{color:?} is not the colour of a tag"));
    Err(error.with_hint("six hexadecimal digits without `#`, such as 1F6FEB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        for good in ["1F6FEB", "ffffff", "000000"] {
            check_color(good).unwrap();
        }
        for bad in ["#1F6FEB", "fff", "1F6FEB00", "blau!!", "", "ééé"] {
            let error = check_color(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
            assert!(error.hint().unwrap().contains("without `#`"));
        }
    }

    #[test]
    fn a_name_is_as_long_as_the_server_counts() {
        check_name(&"ü".repeat(30)).unwrap();
        assert!(check_name(&"ü".repeat(31)).unwrap_err().to_string().contains("31"));
        assert!(check_name(&"🦀".repeat(16)).is_err(), "the server counts UTF-16 units");
    }
}
