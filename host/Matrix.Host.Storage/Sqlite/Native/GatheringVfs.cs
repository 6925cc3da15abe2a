using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Matrix.Host.Storage.Sqlite.Native;

/// <summary>
/// A VFS of SQLite that forwards everything to the operating system's, except for the write-ahead log: the pages of a
/// commit go to the log in one write instead of two writes for each page. The bytes, their order and the syncs are the
/// same.
/// </summary>
internal static unsafe class GatheringVfs
{
    // A longer commit takes several writes: SQLite's own function handles only 17 bits of a length.
    private const int Capacity = (128 * 1024) - 1;
    private const int FrameHeader = 24;
    private const int OpenLog = 0x0008_0000;

    private static readonly Vfs* Usual = Sqlite3.sqlite3_vfs_find(0);
    private static readonly FileMethods* LogMethods = MakeMethods();
    private static readonly Vfs* Own = Register();

    /// <summary>
    /// The VFS's name for `sqlite3_open_v2`; null, which selects the system's own, if SQLite did not accept this one.
    /// </summary>
    public static nint Name => Own == null ? 0 : (nint)Own->Name;

    private static Vfs* Register()
    {
        if (Usual == null)
        {
            return null;
        }

        var own = (Vfs*)NativeMemory.AllocZeroed((nuint)sizeof(Vfs));
        *own = *Usual;
        own->Version = Math.Min(Usual->Version, Vfs.Known);
        own->Next = null;
        own->Name = (byte*)Marshal.StringToCoTaskMemUTF8("gathering");
        own->FileSize = sizeof(Log) + Usual->FileSize;
        own->Open = &Open;
        return Sqlite3.sqlite3_vfs_register(own, makeDefault: 0) == Sqlite3.Ok ? own : null;
    }

    private static FileMethods* MakeMethods()
    {
        var methods = (FileMethods*)NativeMemory.AllocZeroed((nuint)sizeof(FileMethods));
        methods->Version = 1;
        methods->Close = &Close;
        methods->Read = &Read;
        methods->Write = &Write;
        methods->Truncate = &Truncate;
        methods->Sync = &Sync;
        methods->FileSize = &FileSize;
        methods->Lock = &Lock;
        methods->Unlock = &Unlock;
        methods->CheckReservedLock = &CheckReservedLock;
        methods->FileControl = &FileControl;
        methods->SectorSize = &SectorSize;
        methods->DeviceCharacteristics = &DeviceCharacteristics;
        return methods;
    }

    [UnmanagedCallersOnly]
    private static int Open(Vfs* vfs, byte* name, VfsFile* file, int flags, int* given)
    {
        if ((flags & OpenLog) == 0)
        {
            return Usual->Open(Usual, name, file, flags, given);
        }

        var log = (Log*)file;
        *log = default;
        var code = Usual->Open(Usual, name, log->Inner, flags, given);
        log->Methods = log->Inner->Methods == null ? null : LogMethods;
        return code;
    }

    [UnmanagedCallersOnly]
    private static int Close(VfsFile* file)
    {
        var log = (Log*)file;
        var flushed = log->Flush();
        NativeMemory.Free(log->Buffer);
        log->Buffer = null;
        var code = log->Inner->Methods->Close(log->Inner);
        return flushed == Sqlite3.Ok ? code : flushed;
    }

    [UnmanagedCallersOnly]
    private static int Read(VfsFile* file, byte* bytes, int count, long offset)
    {
        var log = (Log*)file;

        // Reported as a failed write, not as a full disk: for a full disk SQLite might roll back only the statement
        // that reads.
        return log->Flush() == Sqlite3.Ok
            ? log->Inner->Methods->Read(log->Inner, bytes, count, offset)
            : Sqlite3.IoErrorWrite;
    }

    [UnmanagedCallersOnly]
    private static int Write(VfsFile* file, byte* bytes, int count, long offset)
    {
        var log = (Log*)file;
        if (offset == 0)
        {
            // The log starts again.
            log->End = 0;
        }

        var isNext = log->Length > 0 && offset == log->Start + log->Length;
        if (log->Length > 0 && (!isNext || log->Length + count > Capacity))
        {
            var flushed = log->Flush();
            if (flushed != Sqlite3.Ok)
            {
                return flushed;
            }
        }

        // SQLite writes again after a rollback, or to correct the checksums of a long transaction. These writes go out
        // at once: nothing may follow them.
        var isAppended = offset >= log->End;
        log->End = Math.Max(log->End, offset + count);
        if (!isAppended || count > Capacity || !log->HasBuffer())
        {
            return log->Inner->Methods->Write(log->Inner, bytes, count, offset);
        }

        if (log->Length == 0)
        {
            log->Start = offset;
        }

        Unsafe.CopyBlockUnaligned(log->Buffer + log->Length, bytes, (uint)count);
        log->Length += count;
        if (count == FrameHeader)
        {
            // In a frame that ends a transaction this field is the database's size in pages; in any other it is 0.
            log->EndsTransaction = BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(bytes + 4, 4)) != 0
                ? 1
                : 0;
            return Sqlite3.Ok;
        }

        // The transaction is complete: other connections read it from the file, whether or not it is synced.
        return log->EndsTransaction != 0 ? log->Flush() : Sqlite3.Ok;
    }

    [UnmanagedCallersOnly]
    private static int Truncate(VfsFile* file, long size)
    {
        var log = (Log*)file;
        var flushed = log->Flush();
        return flushed == Sqlite3.Ok ? log->Inner->Methods->Truncate(log->Inner, size) : flushed;
    }

    [UnmanagedCallersOnly]
    private static int Sync(VfsFile* file, int flags)
    {
        var log = (Log*)file;
        var flushed = log->Flush();
        return flushed == Sqlite3.Ok ? log->Inner->Methods->Sync(log->Inner, flags) : flushed;
    }

    [UnmanagedCallersOnly]
    private static int FileSize(VfsFile* file, long* size)
    {
        var log = (Log*)file;
        var flushed = log->Flush();
        return flushed == Sqlite3.Ok ? log->Inner->Methods->FileSize(log->Inner, size) : flushed;
    }

    [UnmanagedCallersOnly]
    private static int Lock(VfsFile* file, int level) => ((Log*)file)->Inner->Methods->Lock(((Log*)file)->Inner, level);

    [UnmanagedCallersOnly]
    private static int Unlock(VfsFile* file, int level) =>
        ((Log*)file)->Inner->Methods->Unlock(((Log*)file)->Inner, level);

    [UnmanagedCallersOnly]
    private static int CheckReservedLock(VfsFile* file, int* held) =>
        ((Log*)file)->Inner->Methods->CheckReservedLock(((Log*)file)->Inner, held);

    [UnmanagedCallersOnly]
    private static int FileControl(VfsFile* file, int what, void* argument) =>
        ((Log*)file)->Inner->Methods->FileControl(((Log*)file)->Inner, what, argument);

    [UnmanagedCallersOnly]
    private static int SectorSize(VfsFile* file) => ((Log*)file)->Inner->Methods->SectorSize(((Log*)file)->Inner);

    [UnmanagedCallersOnly]
    private static int DeviceCharacteristics(VfsFile* file) =>
        ((Log*)file)->Inner->Methods->DeviceCharacteristics(((Log*)file)->Inner);

    /// <summary>An open write-ahead log; the system's file follows it in memory.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Log
    {
        public FileMethods* Methods;
        public byte* Buffer;
        public long Start;
        public long End;
        public int Length;
        public int EndsTransaction;

        public VfsFile* Inner => (VfsFile*)((Log*)Unsafe.AsPointer(ref this) + 1);

        /// <summary>Whether there is a buffer. Without memory for one, nothing is gathered.</summary>
        public bool HasBuffer()
        {
            if (Buffer == null)
            {
                try
                {
                    Buffer = (byte*)NativeMemory.Alloc(Capacity);
                }
                catch (OutOfMemoryException)
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>
        /// Writes the buffer. On a failure the buffer is dropped: SQLite gets the error and writes again.
        /// </summary>
        public int Flush()
        {
            if (Length == 0)
            {
                return Sqlite3.Ok;
            }

            var length = Length;
            Length = 0;
            return Inner->Methods->Write(Inner, Buffer, length, Start);
        }
    }
}
