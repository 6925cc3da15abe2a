using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Matrix.Processes;

/// <summary>Work with files as another user, which only root can do.</summary>
public static partial class FileUser
{
    /// <summary>
    /// Runs something on a thread that works with files as this user and group, without the rights of root.
    /// </summary>
    public static void Run(uint id, Action work)
    {
        Exception? fault = null;
        // The system keeps the user for files by thread.
        var thread = new Thread(() =>
        {
            _ = NativeSetGroup(id);
            _ = NativeSetUser(id);
            try
            {
                work();
            }
#pragma warning disable CA1031 // It is thrown on the test's thread.
            catch (Exception thrown)
#pragma warning restore CA1031
            {
                fault = thrown;
            }
        });
        thread.Start();
        thread.Join();
        if (fault is not null) ExceptionDispatchInfo.Throw(fault);
    }

    /// <summary>Gives a file to a user and group of the same id.</summary>
    public static void Give(string path, uint id)
    {
        if (NativeChangeOwner(path, id, id) != 0) throw new IOException(Marshal.GetLastPInvokeErrorMessage());
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int NativeSetUser(uint user);

    [LibraryImport("libc", EntryPoint = "setfsgid")]
    private static partial int NativeSetGroup(uint group);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NativeChangeOwner(string path, uint user, uint group);
}
