//! A thread that owns a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::sqlite::connection::{Connection, Place, Role, Watch};

/// A handle on a thread that owns a connection. The thread starts with the first call and ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    role: Role,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    waiting: AtomicUsize,
}

/// What the thread is given to do, and until when.
struct Job {
    work: Work,
    watch: Watch,
    asked: Instant,
}

type Work = Box<dyn FnOnce(Result<&mut Connection, StoreError>) -> Fate + Send>;

/// What is to become of the connection after a job.
enum Fate {
    Keep,
    /// It is of no more use: the next job opens another one.
    Close,
}

/// Calls that may wait for one thread. A call beyond that waits for its place, for as long as any call waits.
const QUEUE: usize = 64;
/// How long a call waits for its answer, its place in the queue included.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long calls share the failure of the one that could not open the file, which may have waited for seconds: each
/// trying by itself, one after another, the last would wait for all before it.
const AGAIN: Duration = Duration::from_millis(500);

/// Tells the thread that nobody waits for an answer any more.
struct Caller<'a> {
    gone: Arc<AtomicBool>,
    waiting: &'a AtomicUsize,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Thread {
    pub(super) fn new(place: Place, role: Role) -> Self {
        Self {
            shared: Arc::new(Shared {
                place,
                role,
                queue: Mutex::new(None),
                waiting: AtomicUsize::new(0),
            }),
        }
    }

    /// How many calls wait for it or are under way.
    pub(super) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Does something with the connection, on the thread.
    ///
    /// # Cancel safety
    ///
    /// Dropped, a statement that is under way is interrupted; one that had ended before has had its effect.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = Arc::new(AtomicBool::new(false));
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let _caller = Caller {
            gone: Arc::clone(&gone),
            waiting: &self.shared.waiting,
        };
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let result = connection.and_then(work);
            let fate = match &result {
                Err(StoreError::Unavailable(_) | StoreError::Damaged(_)) => Fate::Close,
                _ => Fate::Keep,
            };
            // Nobody waits for it any more: so be it.
            drop(answer.send(result));
            fate
        });
        let job = Job {
            work,
            watch: Watch {
                until: Instant::now() + PATIENCE,
                gone,
            },
            asked: Instant::now(),
        };
        let queue = self.queue()?;
        let asked = async {
            queue.send(job).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(result)) => result,
            Ok(None) => Err(StoreError::Unavailable("its thread ended".to_owned())),
            Err(_) => Err(StoreError::TimedOut(PATIENCE)),
        }
    }

    /// Does something with the connection when its turn comes, and tells nobody. Says whether there was room to ask.
    pub(super) fn tell(&self, work: impl FnOnce(&mut Connection) + Send + 'static) -> bool {
        let job = Job {
            work: Box::new(move |connection| {
                if let Ok(connection) = connection {
                    work(connection);
                }
                Fate::Keep
            }),
            watch: Watch {
                until: Instant::now() + PATIENCE,
                gone: Arc::default(),
            },
            asked: Instant::now(),
        };
        self.queue().is_ok_and(|queue| queue.try_send(job).is_ok())
    }

    fn queue(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        let mut queue = self.shared.queue.lock();
        if let Some(queue) = queue.as_ref().filter(|queue| !queue.is_closed()) {
            return Ok(queue.clone());
        }
        let (sender, jobs) = mpsc::channel(QUEUE);
        let (place, role) = (self.shared.place.clone(), self.shared.role);
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || run(&place, role, jobs))
            .map_err(|error| StoreError::Unavailable(format!("no thread for it: {error}")))?;
        *queue = Some(sender.clone());
        Ok(sender)
    }
}

fn run(place: &Place, role: Role, mut jobs: mpsc::Receiver<Job>) {
    let mut open: Option<Connection> = None;
    let mut failed: Option<(Instant, StoreError)> = None;
    while let Some(job) = jobs.blocking_recv() {
        let Job { work, watch, asked } = job;
        if watch.is_over() {
            // The caller has its answer; a transaction whose end this was is ended by the next one.
            continue;
        }
        let connection = match (&mut open, &failed) {
            (Some(connection), _) => Ok(connection),
            (None, Some((until, error))) if asked < *until => Err(error.clone()),
            (none, _) => Connection::open(place, role)
                .inspect_err(|error| failed = Some((Instant::now() + AGAIN, error.clone())))
                .map(|connection| none.insert(connection)),
        };
        let fate = work(connection.inspect(|connection| connection.watch(Some(watch))));
        match (&mut open, fate) {
            (open, Fate::Close) => *open = None,
            (Some(connection), Fate::Keep) => connection.watch(None),
            (None, Fate::Keep) => {}
        }
    }
}
