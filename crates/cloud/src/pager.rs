//! Reading lists page by page.
//!
//! Offsets are counted here and the server's `next` address is never followed: it drops filters, and on
//! many installations it names a host that clients cannot reach.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::error::{Error, ErrorKind, Result};

/// The server's upper limit, and so the fewest requests.
const PAGE_SIZE: usize = 100;

/// Where a list was left, to go on from there later; it can be stored.
///
/// Lists are counted, not versioned: objects that came or went in the meantime shift the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Continuation(u64);

impl Continuation {
    /// After this many entries of the server's list.
    pub const fn after(entries: u64) -> Self {
        Self(entries)
    }

    /// How many entries of the server's list come before it.
    pub const fn entries_before(self) -> u64 {
        self.0
    }
}

/// One page of a list, in the server's order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// What is on it: up to 100 entries, without those that were on an earlier page.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub continuation: Option<Continuation>,
}

/// Fetches up to `limit` entries after the first `offset` ones.
pub(crate) type Fetch<T> = Arc<dyn Fn(u64, usize) -> BoxFuture<'static, Result<Vec<T>>> + Send + Sync>;

/// Whether an entry counts.
pub(crate) type Keep<T> = Box<dyn Fn(&T) -> bool + Send>;

/// Entries with their places in the server's list.
type Entries<T> = VecDeque<(u64, T)>;

/// What to list.
pub(crate) struct Plan<T> {
    pub(crate) fetch: Fetch<T>,
    /// What makes an entry the same on two pages that overlap.
    pub(crate) key: fn(&T) -> u128,
    /// Which entries count; all without it.
    pub(crate) keep: Option<Keep<T>>,
    pub(crate) start: Continuation,
    /// At most this many entries; all without it.
    pub(crate) limit: Option<usize>,
    /// At most this many pages are on their way at once.
    pub(crate) look_ahead: usize,
}

/// A list, one entry after the other: a [`Stream`] of results.
///
/// The next page is fetched while the current one is consumed; [`List::look_ahead`](crate::List::look_ahead)
/// makes that several. After an error the stream ends; a new
/// list can go on from [`continuation`](Self::continuation).
#[must_use = "a pager does nothing until it is polled"]
pub struct Pager<T> {
    pages: Pages<T>,
    current: Entries<T>,
}

impl<T: Send + 'static> Pager<T> {
    pub(crate) fn new(plan: Plan<T>) -> Self {
        Self { pages: Pages::new(plan), current: VecDeque::new() }
    }

    /// The same list, page by page. Entries that were taken already are not in it.
    pub fn into_pages(self) -> Pages<T> {
        let mut pages = self.pages;
        pages.ready = self.current;
        pages
    }

    /// Where to go on: the place of the first entry that was not taken yet; `None` at the end.
    pub fn continuation(&self) -> Option<Continuation> {
        match self.current.front() {
            Some((place, _)) => Some(Continuation(*place)),
            None => self.pages.continuation(),
        }
    }
}

impl<T: Send + Unpin + 'static> Stream for Pager<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some((_, item)) = self.current.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll_entries(context)) {
                Some(Ok(entries)) => self.current = entries,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A list, page by page: a [`Stream`] of [`Page`] results.
#[must_use = "pages are not fetched until they are polled"]
pub struct Pages<T> {
    plan: Plan<T>,
    /// Entries left over from a [`Pager`].
    ready: Entries<T>,
    seen: HashSet<u128>,
    /// The place of the next page to be taken over.
    offset: u64,
    /// How many more entries are wanted.
    wanted: Option<usize>,
    /// Pages on their way, in order.
    requests: VecDeque<Request<T>>,
    /// How many whole pages have come: the longer a list has proven to be, the further it is worth looking ahead.
    whole: usize,
    done: bool,
    /// An error was the end.
    broken: bool,
}

/// A page on its way. It is a task of its own, so that it goes on while the caller does other things.
struct Request<T> {
    task: AbortOnDropHandle<Result<Vec<T>>>,
    size: usize,
}

impl<T: Send + 'static> Pages<T> {
    fn new(plan: Plan<T>) -> Self {
        let (offset, wanted) = (plan.start.0, plan.limit);
        Self {
            plan,
            ready: VecDeque::new(),
            seen: HashSet::new(),
            offset,
            wanted,
            requests: VecDeque::new(),
            whole: 0,
            done: wanted == Some(0),
            broken: false,
        }
    }

    /// Where the next page begins, also after an error; `None` when there is none.
    pub fn continuation(&self) -> Option<Continuation> {
        (!self.done || self.broken).then_some(Continuation(self.offset))
    }

    /// Sends as many requests as may be on their way now.
    fn look_ahead(&mut self) {
        let most = self.plan.look_ahead.min(self.whole / 2).max(1);
        while self.requests.len() < most {
            let asked: usize = self.requests.iter().map(|request| request.size).sum();
            // A filter may drop entries, so then the number wanted says nothing about the number to ask for.
            let size = match (self.wanted, &self.plan.keep) {
                (Some(wanted), None) if wanted <= asked && asked > 0 => return,
                (Some(wanted), None) => (wanted - asked).clamp(1, PAGE_SIZE),
                _ => PAGE_SIZE,
            };
            let fetch = (self.plan.fetch)(self.offset + asked as u64, size).in_current_span();
            self.requests.push_back(Request { task: AbortOnDropHandle::new(tokio::spawn(fetch)), size });
        }
    }

    /// The next page that has entries, each with its place in the server's list.
    fn poll_entries(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Entries<T>>>> {
        if !self.ready.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.ready))));
        }
        loop {
            if self.done {
                return Poll::Ready(None);
            }
            self.look_ahead();
            let Some(request) = self.requests.front_mut() else { return Poll::Ready(None) };
            let outcome = ready!(Pin::new(&mut request.task).poll(context));
            let size = request.size;
            self.requests.pop_front();
            let items = match outcome {
                Ok(Ok(items)) => items,
                Ok(Err(error)) => return self.failed(error),
                Err(join) => {
                    let error = Error::new(ErrorKind::UnexpectedResponse, "reading a page was interrupted");
                    return self.failed(error.with_source(join));
                }
            };
            let entries = self.take_page(items, size);
            if self.done {
                self.requests.clear();
            } else {
                self.look_ahead();
            }
            if !entries.is_empty() {
                return Poll::Ready(Some(Ok(entries)));
            }
        }
    }

    fn failed(&mut self, error: Error) -> Poll<Option<Result<Entries<T>>>> {
        (self.done, self.broken) = (true, true);
        self.requests.clear();
        Poll::Ready(Some(Err(error)))
    }

    /// Takes over a page: drops repeats and what is not wanted, and decides whether it was the last.
    fn take_page(&mut self, items: Vec<T>, size: usize) -> Entries<T> {
        let (first, count) = (self.offset, items.len());
        self.offset += count as u64;
        // The server names a next page as long as a page is not empty, so a short page is the only sign.
        self.done = count < size;
        self.whole += 1;
        let mut entries = VecDeque::with_capacity(count);
        for (place, item) in (first..).zip(items) {
            if self.wanted == Some(0) {
                break;
            }
            if self.seen.insert((self.plan.key)(&item))
                && self.plan.keep.as_ref().is_none_or(|keep| keep(&item))
            {
                entries.push_back((place, item));
                self.wanted = self.wanted.map(|wanted| wanted - 1);
            }
        }
        self.done |= self.wanted == Some(0);
        entries
    }
}

impl<T: Send + Unpin + 'static> Stream for Pages<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let entries = ready!(self.poll_entries(context));
        Poll::Ready(entries.map(|entries| {
            let items = entries?.into_iter().map(|(_, item)| item).collect();
            Ok(Page { items, continuation: self.continuation() })
        }))
    }
}

impl<T> fmt::Debug for Pager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager").field("ready", &self.current.len()).field("pages", &self.pages).finish()
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("offset", &self.offset)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, TryStreamExt};
    use std::sync::Mutex;

    type Calls = Arc<Mutex<Vec<(u64, usize)>>>;

    /// A server's list, and which pages were asked for. Entry numbers above 9999 count as one error.
    fn list(entries: Vec<u64>, plan: impl FnOnce(&mut Plan<u64>)) -> (Pager<u64>, Calls) {
        let calls: Calls = Arc::default();
        let log = calls.clone();
        let fetch: Fetch<u64> = Arc::new(move |offset, limit| {
            log.lock().unwrap().push((offset, limit));
            let start = usize::try_from(offset).unwrap().min(entries.len());
            let page = entries[start..(start + limit).min(entries.len())].to_vec();
            Box::pin(async move {
                if page.contains(&10_000) { Err(Error::new(ErrorKind::Server, "no")) } else { Ok(page) }
            })
        });
        let mut whole = Plan {
            fetch,
            key: |n| u128::from(*n),
            keep: None,
            start: Continuation::default(),
            limit: None,
            look_ahead: 1,
        };
        plan(&mut whole);
        (Pager::new(whole), calls)
    }

    async fn all(pager: Pager<u64>) -> Vec<u64> {
        pager.try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn every_entry_comes_once_in_order() {
        let (pager, calls) = list((0..250).collect(), |_| ());
        assert_eq!(all(pager).await, (0..250).collect::<Vec<_>>());
        assert_eq!(*calls.lock().unwrap(), [(0, 100), (100, 100), (200, 100)], "stops at the short page");
    }

    #[tokio::test]
    async fn a_list_of_whole_pages_ends_at_an_empty_one() {
        let (pager, calls) = list((0..200).collect(), |_| ());
        assert_eq!(all(pager).await.len(), 200);
        assert_eq!(calls.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn pages_that_overlap_give_no_duplicates() {
        let entries: Vec<u64> = (0..100).chain(95..150).collect();
        let (pager, _) = list(entries, |_| ());
        assert_eq!(all(pager).await, (0..150).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_next_page_is_fetched_while_this_one_is_consumed() {
        let (mut pager, calls) = list((0..250).collect(), |_| ());
        assert_eq!(pager.next().await.unwrap().unwrap(), 0);
        tokio::task::yield_now().await;
        assert_eq!(calls.lock().unwrap().len(), 2);
        assert_eq!(pager.next().await.unwrap().unwrap(), 1);
        assert_eq!(calls.lock().unwrap().len(), 2, "one page ahead, not more");
    }

    #[tokio::test]
    async fn the_longer_a_list_proves_to_be_the_further_it_looks_ahead() {
        let (mut pager, calls) = list((0..1_050).collect(), |plan| plan.look_ahead = 4);
        let mut asked_for = Vec::new();
        for _ in 0..9 {
            for _ in 0..100 {
                pager.next().await.unwrap().unwrap();
            }
            tokio::task::yield_now().await;
            asked_for.push(calls.lock().unwrap().len());
        }
        assert_eq!(asked_for, [2, 3, 4, 6, 7, 9, 10, 12, 13], "1, 2, 3, then 4 more than were taken");
        let rest: Vec<u64> = pager.try_collect().await.unwrap();
        assert_eq!(rest, (900..1_050).collect::<Vec<_>>());
        let calls = calls.lock().unwrap();
        assert!(calls.len() <= 11 + 3, "{calls:?}");
        assert!(
            calls.iter().enumerate().all(|(number, call)| *call == (number as u64 * 100, 100)),
            "{calls:?}"
        );
    }

    #[tokio::test]
    async fn looking_ahead_never_asks_beyond_a_limit() {
        let (pager, calls) = list((0..2_000).collect(), |plan| {
            plan.look_ahead = 8;
            plan.limit = Some(630);
        });
        assert_eq!(all(pager).await, (0..630).collect::<Vec<_>>());
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 7);
        assert_eq!(calls[6], (600, 30));
    }

    #[tokio::test]
    async fn pages_that_overlap_are_made_up_for() {
        // Ten entries were put in before the second page was read, so that it repeats ten of the first.
        let entries: Vec<u64> = (0..100).chain(90..400).collect();
        let (pager, _) = list(entries, |plan| {
            plan.look_ahead = 4;
            plan.limit = Some(300);
        });
        assert_eq!(all(pager).await, (0..300).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_limit_asks_for_no_more_than_needed() {
        let (pager, calls) = list((0..250).collect(), |plan| plan.limit = Some(120));
        assert_eq!(all(pager).await.len(), 120);
        assert_eq!(*calls.lock().unwrap(), [(0, 100), (100, 20)]);
        let (pager, calls) = list((0..250).collect(), |plan| plan.limit = Some(0));
        assert!(all(pager).await.is_empty());
        assert!(calls.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_filter_goes_through_whole_pages() {
        let (pager, _) = list((0..250).collect(), |plan| {
            plan.keep = Some(Box::new(|n| n % 100 == 7));
            plan.limit = Some(2);
        });
        assert_eq!(all(pager).await, [7, 107]);
    }

    #[tokio::test]
    async fn a_list_can_be_resumed_at_any_entry() {
        let (mut pager, _) = list((0..250).collect(), |_| ());
        for expected in 0..130 {
            assert_eq!(pager.next().await.unwrap().unwrap(), expected);
        }
        let place = pager.continuation().unwrap();
        let (rest, calls) = list((0..250).collect(), |plan| plan.start = place);
        assert_eq!(all(rest).await, (130..250).collect::<Vec<_>>());
        assert_eq!(calls.lock().unwrap()[0], (130, 100));
    }

    #[tokio::test]
    async fn pages_hold_what_was_not_taken() {
        let (mut pager, _) = list((0..150).collect(), |_| ());
        pager.next().await.unwrap().unwrap();
        let pages: Vec<_> = pager.into_pages().try_collect().await.unwrap();
        assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [99, 50]);
        assert_eq!(pages[0].continuation, Some(Continuation::after(100)));
        assert_eq!(pages[1].continuation, None);
    }

    #[tokio::test]
    async fn an_error_ends_the_list_at_a_known_place() {
        let mut entries: Vec<u64> = (0..150).collect();
        entries[120] = 10_000;
        let (mut pager, _) = list(entries, |_| ());
        let taken: Vec<_> = pager.by_ref().take(100).try_collect().await.unwrap();
        assert_eq!(taken.len(), 100);
        assert!(pager.next().await.unwrap().is_err());
        assert!(pager.next().await.is_none());
        assert_eq!(pager.continuation(), Some(Continuation::after(100)));
    }
}
