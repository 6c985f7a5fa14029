use crate::call::{call, create, utf8};
use crate::callback::Panic;
use crate::Result;
use rorqual_sys as sys;
use std::os::raw::c_void;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

/// Where a model comes from: a path, or named files in memory, behind descriptors or behind closures.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/models/tale");
/// let mut source = rorqual::Source::files()?;
/// for name in ["config.json", "tokenizer.json", "model.safetensors"] {
///     source.add_memory(name, std::fs::read(format!("{}/{}", folder, name))?)?;
/// }
/// assert!(rorqual::Model::open_with(&source, &Default::default())?.info()?.has_tokenizer);
/// # Ok(())
/// # }
/// ```
pub struct Source {
    handle: NonNull<sys::rq_source>,
    /// Memory that the library borrows "until the source and every model and session made from it are freed": models keep it, too.
    memory: Vec<Arc<[u8]>>,
    readers: Vec<Arc<Reader>>,
}

// SAFETY: rorqual.h: "A `const` handle may be used by any number of threads at once. A handle that is not const is used by one thread at a
// time, whichever it is." rq_source_add_ take a handle that is not const and need `&mut self` here; readers are Send and Sync.
unsafe impl Send for Source {}
unsafe impl Sync for Source {}

type ReadAt = dyn Fn(u64, &mut [u8]) -> std::io::Result<()> + Send + Sync;

struct Reader {
    read: Box<ReadAt>,
    panic: Panic,
}

impl Source {
    /// A checkpoint folder, one file of it, or a GGUF file. Nothing is opened yet.
    pub fn path(path: impl AsRef<Path>) -> Result<Source> {
        let path = utf8(path.as_ref())?;
        // SAFETY: a pointer and its length; copied.
        Source::new(|out, err| unsafe { sys::rq_source_create_path(path.as_ptr().cast(), path.len(), out, err) })
    }

    /// An empty set of named files: the checkpoint folder without a file system.
    pub fn files() -> Result<Source> {
        // SAFETY: pointers to places of their types.
        Source::new(|out, err| unsafe { sys::rq_source_create_files(out, err) })
    }

    fn new(f: impl FnOnce(*mut *mut sys::rq_source, *mut sys::rq_error) -> i32) -> Result<Source> {
        Ok(Source { handle: create(f)?, memory: Vec::new(), readers: Vec::new() })
    }

    /// Memory becomes the file `name` ("config.json"). It is kept as long as a model made from it lives.
    pub fn add_memory(&mut self, name: &str, data: impl Into<Arc<[u8]>>) -> Result<()> {
        let data = data.into();
        // SAFETY: pointers and their lengths; `data` is kept until source, models and sessions are freed.
        call(|err| unsafe {
            let (name, len) = (name.as_ptr().cast(), name.len());
            sys::rq_source_add_memory(self.handle.as_ptr(), name, len, data.as_ptr().cast(), data.len(), err)
        })?;
        self.memory.push(data);
        Ok(())
    }

    /// `length` bytes from `offset` of an open file become the file `name`; 0 = to its end. The descriptor is duplicated.
    #[cfg(unix)]
    pub fn add_file(
        &mut self,
        name: &str,
        file: &impl std::os::unix::io::AsRawFd,
        offset: u64,
        length: u64,
    ) -> Result<()> {
        // SAFETY: a pointer and its length; the descriptor is open while `file` is borrowed.
        call(|err| unsafe {
            let (name, len) = (name.as_ptr().cast(), name.len());
            sys::rq_source_add_fd(self.handle.as_ptr(), name, len, file.as_raw_fd(), offset, length, err)
        })
    }

    /// A file of `length` bytes behind a closure that fills a buffer from an offset. It is called while a call is given this source,
    /// on the thread of that call; where it fails, that call returns [`Code::Callback`](crate::Code::Callback).
    pub fn add_reader<F>(&mut self, name: &str, length: u64, read: F) -> Result<()>
    where
        F: Fn(u64, &mut [u8]) -> std::io::Result<()> + Send + Sync + 'static,
    {
        let reader = Arc::new(Reader { read: Box::new(read), panic: Panic::default() });
        let user = Arc::as_ptr(&reader) as *mut c_void;
        // SAFETY: a pointer and its length; `reader` is kept as long as the source.
        call(|err| unsafe {
            let (name, len) = (name.as_ptr().cast(), name.len());
            sys::rq_source_add_callbacks(self.handle.as_ptr(), name, len, length, Some(read_at), user, err)
        })?;
        self.readers.push(reader);
        Ok(())
    }

    /// Runs a call that is given this source. A panic of a reader goes on when the call has returned.
    pub(crate) fn with<T>(&self, f: impl FnOnce(*const sys::rq_source) -> T) -> T {
        let result = f(self.handle.as_ptr());
        self.readers.iter().for_each(|reader| reader.panic.resume());
        result
    }

    pub(crate) fn memory(&self) -> Vec<Arc<[u8]>> {
        self.memory.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_source_free(self.handle.as_ptr()) }
    }
}

unsafe extern "C" fn read_at(offset: u64, out: *mut c_void, size: usize, user: *mut c_void) -> i32 {
    if size == 0 {
        return 0;
    }
    // SAFETY: `user` is a Reader that the source keeps; rorqual.h, rq_read_fn: "Reads exactly `size` bytes ... into `out`". The bytes are
    // made zeros first: a slice of Rust holds no uninitialised memory.
    let (reader, out) = unsafe {
        std::ptr::write_bytes(out.cast::<u8>(), 0, size);
        (&*(user as *const Reader), std::slice::from_raw_parts_mut(out.cast::<u8>(), size))
    };
    reader.panic.catch(|| (reader.read)(offset, out).is_ok())
}
