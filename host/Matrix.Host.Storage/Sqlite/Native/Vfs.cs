using System.Runtime.InteropServices;

namespace Matrix.Host.Storage.Sqlite.Native;

/// <summary>SQLite's `sqlite3_vfs`, version 3.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Vfs
{
    /// <summary>The version of this layout; later versions have more members.</summary>
    public const int Known = 3;

    public int Version;
    public int FileSize;
    public int MaxPathname;
    public Vfs* Next;
    public byte* Name;
    public nint AppData;
    public delegate* unmanaged<Vfs*, byte*, VfsFile*, int, int*, int> Open;
    public fixed long Others[15];
}

/// <summary>SQLite's `sqlite3_file`: the start of every open file.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VfsFile
{
    /// <summary>Null while the file is not open.</summary>
    public FileMethods* Methods;
}

/// <summary>SQLite's `sqlite3_io_methods`, version 1, which is enough for a write-ahead log.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FileMethods
{
    public int Version;
    public delegate* unmanaged<VfsFile*, int> Close;
    public delegate* unmanaged<VfsFile*, byte*, int, long, int> Read;
    public delegate* unmanaged<VfsFile*, byte*, int, long, int> Write;
    public delegate* unmanaged<VfsFile*, long, int> Truncate;
    public delegate* unmanaged<VfsFile*, int, int> Sync;
    public delegate* unmanaged<VfsFile*, long*, int> FileSize;
    public delegate* unmanaged<VfsFile*, int, int> Lock;
    public delegate* unmanaged<VfsFile*, int, int> Unlock;
    public delegate* unmanaged<VfsFile*, int*, int> CheckReservedLock;
    public delegate* unmanaged<VfsFile*, int, void*, int> FileControl;
    public delegate* unmanaged<VfsFile*, int> SectorSize;
    public delegate* unmanaged<VfsFile*, int> DeviceCharacteristics;
}
