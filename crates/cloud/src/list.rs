//! Lists of objects, with their options.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::future::BoxFuture;

use crate::client::Client;
use crate::error::Result;
use crate::ids::{TagId, WorkspaceId};
use crate::pager::{Continuation, Keep, Pager, Plan};

/// How many pages of a list that is wanted whole are on their way at once.
const WHOLE_LIST: usize = 6;

/// What can be listed; implemented by this crate's `...Info` types.
pub trait Listed: Clone + Send + Unpin + 'static {
    /// What narrows the list down on the server.
    type Filter: Clone + fmt::Debug + Send + Sync + 'static;

    /// What makes two entries the same object.
    #[doc(hidden)]
    fn key(&self) -> u128;

    /// The name that [`List::name`] compares.
    #[doc(hidden)]
    fn name(&self) -> Option<&str>;

    /// One page.
    #[doc(hidden)]
    fn fetch(
        client: Client,
        filter: Self::Filter,
        offset: i32,
        limit: i32,
    ) -> BoxFuture<'static, Result<Vec<Self>>>;

    /// Whether new entries come at the front, so that entries move to later pages while pages are read.
    #[doc(hidden)]
    fn grows_at_front(_filter: &Self::Filter) -> bool {
        false
    }

    /// Makes sure that what the list is narrowed down to exists: the server answers an unknown id with an
    /// empty list.
    #[doc(hidden)]
    fn verify(client: Client, filter: Self::Filter) -> BoxFuture<'static, Result<()>>;
}

/// A list that has not been read yet.
///
/// `.await` reads it whole, [`pager`](Self::pager) piece by piece:
///
/// ```no_run
/// # async fn example(workspace: airbyte_cloud::Workspace) -> airbyte_cloud::Result<()> {
/// use futures::TryStreamExt;
///
/// let all = workspace.connections().await?;
/// let mut one_by_one = workspace.connections().limit(500).pager();
/// while let Some(connection) = one_by_one.try_next().await? {
///     println!("{}", connection.name);
/// }
/// # let _ = all;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a list is not read until it is awaited or its pager is polled"]
pub struct List<T: Listed> {
    client: Client,
    pub(crate) filter: T::Filter,
    name: Option<String>,
    keep: Option<Filter<T>>,
    limit: Option<usize>,
    start: Continuation,
    look_ahead: Option<usize>,
}

/// A condition of the caller's.
#[derive(Clone)]
struct Filter<T>(Arc<dyn Fn(&T) -> bool + Send + Sync>);

impl<T> fmt::Debug for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

impl<T: Listed> List<T> {
    pub(crate) fn of_client(client: &Client) -> Self
    where
        T::Filter: Default,
    {
        Self::new(client, T::Filter::default())
    }

    pub(crate) fn new(client: &Client, filter: T::Filter) -> Self {
        Self {
            client: client.clone(),
            filter,
            name: None,
            keep: None,
            limit: None,
            start: Continuation::default(),
            look_ahead: None,
        }
    }

    /// At most this many entries; all without it.
    pub fn limit(mut self, entries: usize) -> Self {
        self.limit = Some(entries);
        self
    }

    /// Only those for which this is true. It is decided here, so the whole list is read.
    pub fn filter(mut self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.keep = Some(Filter(Arc::new(keep)));
        self
    }

    /// Goes on where an earlier list was left.
    pub fn continue_from(mut self, place: Continuation) -> Self {
        self.start = place;
        self
    }

    /// How many pages of 100 entries may be on their way at once: one for a pager and six for a list that is
    /// awaited whole, unless set. Several are asked for only once a list has proven to be long, and never
    /// more than a limit needs. What comes early is kept, so a slow consumer keeps that many pages.
    ///
    /// Lists that begin with what is newest, as those of jobs do unless told otherwise, have one page on its
    /// way at a time whatever is set: if a later page were answered before an earlier one, an entry that
    /// moves from one to the other in between would be on neither.
    pub fn look_ahead(mut self, pages: usize) -> Self {
        self.look_ahead = Some(pages);
        self
    }

    /// The list as a stream, fetched page by page.
    pub fn pager(self) -> Pager<T> {
        let Self { client, filter, name, keep: wanted, limit, start, look_ahead } = self;
        let look_ahead = look_ahead.filter(|_| !T::grows_at_front(&filter)).unwrap_or(1);
        let fetch = move |offset: u64, size: usize| -> BoxFuture<'static, Result<Vec<T>>> {
            let (client, filter) = (client.clone(), filter.clone());
            Box::pin(async move {
                let (from, size) =
                    (i32::try_from(offset).unwrap_or(i32::MAX), i32::try_from(size).unwrap_or(1));
                let items = T::fetch(client.clone(), filter.clone(), from, size).await?;
                if items.is_empty() && offset == 0 {
                    T::verify(client, filter).await?;
                }
                Ok(items)
            })
        };
        let keep = (name.is_some() || wanted.is_some()).then(|| -> Keep<T> {
            Box::new(move |item: &T| {
                name.as_deref().is_none_or(|name| item.name() == Some(name))
                    && wanted.as_ref().is_none_or(|wanted| (wanted.0)(item))
            })
        });
        Pager::new(Plan { fetch: Arc::new(fetch), key: T::key, keep, start, limit, look_ahead })
    }

    pub(crate) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<T: Listed> IntoFuture for List<T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        // With a limit on what passes a filter, every page may be the last one that is needed.
        let filtered = self.name.is_some() || self.keep.is_some();
        let pages = if filtered && self.limit.is_some() { 1 } else { WHOLE_LIST };
        self.look_ahead.get_or_insert(pages);
        Box::pin(self.pager().try_collect())
    }
}

/// What narrows down lists of a workspace's objects.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceFilter {
    pub(crate) workspace: Option<WorkspaceId>,
    pub(crate) include_deleted: bool,
    /// For connections only.
    pub(crate) tags: Vec<TagId>,
}

impl WorkspaceFilter {
    pub(crate) fn verify(self, client: Client) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            match self.workspace {
                Some(workspace) => client.workspace(workspace).info().await.map(|_| ()),
                None => Ok(()),
            }
        })
    }
}

impl<T: Listed<Filter = WorkspaceFilter>> List<T> {
    /// Only those with exactly this name. The server cannot search by name, so the whole list is read.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.named(name)
    }

    /// Also those that were deleted.
    pub fn include_deleted(mut self, include: bool) -> Self {
        self.filter.include_deleted = include;
        self
    }
}

/// One page of a workspace's objects. A macro, because the generated operations have no type in common.
macro_rules! page_of_workspace {
    ($client:ident, $filter:ident, $offset:ident, $limit:ident, $id:literal, $list:ident) => {
        async move {
            let filter = &$filter;
            let mut operation = Operation::read($id);
            if let Some(workspace) = filter.workspace {
                operation = operation.of("workspace", workspace);
            }
            let call = $client.path().run(operation, |attempt| async move {
                let api = attempt.public();
                let mut list =
                    api.$list().limit($limit).offset($offset).include_deleted(filter.include_deleted);
                if let Some(workspace) = filter.workspace {
                    list = list.workspace_ids(vec![workspace.into()]);
                }
                list.send().await
            });
            Ok(call.await?.data.into_iter().map(Self::from).collect())
        }
    };
}
pub(crate) use page_of_workspace;

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use super::*;

    /// A list that begins with what is newest, on a server that takes its time.
    #[derive(Clone)]
    struct Newest(u64);

    impl Listed for Newest {
        type Filter = Arc<Mutex<u64>>;

        fn key(&self) -> u128 {
            self.0.into()
        }

        fn name(&self) -> Option<&str> {
            None
        }

        fn fetch(
            _client: Client,
            newest: Self::Filter,
            offset: i32,
            limit: i32,
        ) -> BoxFuture<'static, Result<Vec<Self>>> {
            Box::pin(async move {
                // Pages further back are answered faster.
                let first = u64::try_from(offset).unwrap();
                tokio::time::sleep(Duration::from_millis(1_000 - first)).await;
                let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
                let page = (0..=*newest).rev().skip(offset.unsigned_abs() as usize);
                let page = page.take(limit.unsigned_abs() as usize).map(Self).collect();
                // With each page that is read, one more has come.
                *newest += 1;
                Ok(page)
            })
        }

        fn grows_at_front(_: &Self::Filter) -> bool {
            true
        }

        fn verify(_: Client, _: Self::Filter) -> BoxFuture<'static, Result<()>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_to_a_later_page_while_a_list_is_read_is_not_lost() {
        let client = Client::builder().ignore_environment().no_auth().build().unwrap();
        for look_ahead in [None, Some(6)] {
            let mut list = List::<Newest>::new(&client, Arc::new(Mutex::new(799)));
            list.look_ahead = look_ahead;
            let listed: Vec<u64> = list.await.unwrap().into_iter().map(|it| it.0).collect();
            assert_eq!(listed, (0..800).rev().collect::<Vec<_>>(), "{look_ahead:?}");
        }
    }
}
