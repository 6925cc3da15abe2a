using System.Runtime.InteropServices;

namespace Matrix.Host.Network.Discovery.Dns;

/// <summary>
/// Bindings to the functions of the system's libunbound and libc that lookups need. Version 1.17 (ABI 8) has all of
/// them. unbound.h: libunbound(3).
/// </summary>
internal static unsafe partial class Native
{
    private const string Library = "libunbound.so.8";
    private const string LibC = "libc";

    internal const int ClassInternet = 1;
    internal const int FileNotRead = -9;
    internal const int EventNonBlocking = 0x800;
    internal const int EventCloseOnExec = 0x80000;
    internal const short PollIn = 1;
    internal const int Interrupted = 4;

    /// <summary><c>struct ub_result</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Result
    {
        internal byte* QName;
        internal int QType;
        internal int QClass;
        internal byte** Data;
        internal int* Lengths;
        internal byte* CanonicalName;
        internal int RCode;
        internal void* AnswerPacket;
        internal int AnswerLength;
        internal int HaveData;
        internal int NxDomain;
        internal int Secure;
        internal int Bogus;
        internal byte* WhyBogus;
        internal int WasRateLimited;
        internal int TimeToLive;
    }

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }

    [LibraryImport(Library)]
    internal static partial nint ub_ctx_create();

    [LibraryImport(Library)]
    internal static partial void ub_ctx_delete(nint context);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_ctx_set_option(nint context, string option, string value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_ctx_set_fwd(nint context, string address);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_ctx_resolvconf(nint context, string? path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_ctx_hosts(nint context, string? path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_ctx_zone_remove(nint context, string zone);

    [LibraryImport(Library)]
    internal static partial int ub_ctx_debugout(nint context, nint stream);

    [LibraryImport(Library)]
    internal static partial int ub_ctx_async(nint context, int useThread);

    [LibraryImport(Library)]
    internal static partial int ub_fd(nint context);

    [LibraryImport(Library)]
    internal static partial int ub_process(nint context);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ub_resolve_async(
        nint context,
        string name,
        int type,
        int cls,
        nint data,
        delegate* unmanaged[Cdecl]<nint, int, Result*, void> callback,
        out int lookup);

    [LibraryImport(Library)]
    internal static partial int ub_cancel(nint context, int lookup);

    [LibraryImport(Library)]
    internal static partial void ub_resolve_free(Result* result);

    [LibraryImport(Library)]
    private static partial byte* ub_strerror(int error);

    [LibraryImport(LibC, SetLastError = true)]
    internal static partial int poll(PollDescriptor* descriptors, nuint count, int timeout);

    [LibraryImport(LibC, SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport(LibC)]
    internal static partial nint write(int descriptor, void* buffer, nuint count);

    [LibraryImport(LibC)]
    internal static partial int close(int descriptor);

    internal static string ErrorOf(int error) => Marshal.PtrToStringUTF8((nint)ub_strerror(error)) ?? $"error {error}";
}
