using System.Runtime.InteropServices;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// How bubblewrap shuts a process in: it sees the system's programs, no network and no other process, has no
/// capabilities even if the server runs as root, makes no namespaces, and few system calls.
/// </summary>
internal static class Sandbox
{
    /// <summary>The descriptor from which the filter of system calls is read.</summary>
    internal const int FilterDescriptor = 9;

    /// <summary>The filter; null if there is none for this processor.</summary>
    internal static byte[]? Filter { get; } = SystemCallFilter.For(RuntimeInformation.ProcessArchitecture);

    /// <summary>
    /// The command before that of the program. Looked up for each run, because the system's packages are upgraded
    /// meanwhile.
    /// </summary>
    internal static string[] Command =>
    [
        "bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL",
        "--seccomp", $"{FilterDescriptor}", "--die-with-parent", "--new-session",
        "--ro-bind", "/usr", "/usr",
        "--ro-bind-try", "/bin", "/bin",
        "--ro-bind-try", "/lib", "/lib",
        "--ro-bind-try", "/lib64", "/lib64",
        "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--proc", "/proc",
        "--dev", "/dev",
        "--tmpfs", "/tmp",
        .. WithoutModules("/usr/lib"),
        .. WithoutModules("/usr/lib64"),
    ];

    /// <summary>
    /// Hides the modules of libvips that decode what has no thumbnails: each is loaded at every start, with the
    /// libraries that it needs. AVIF is decoded by a module.
    /// </summary>
    /// <param name="libraries">The folder of the system's libraries, or of those of its architectures.</param>
    internal static IEnumerable<string> WithoutModules(string libraries)
    {
        if (!Directory.Exists(libraries)) return [];
        var look = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 };
        var folders = Directory.EnumerateDirectories(libraries, "vips-modules-*", look).Order(StringComparer.Ordinal);
        return folders.SelectMany(static folder =>
        {
            var avif = Path.Combine(folder, "vips-heif.so");
            return (string[])["--tmpfs", folder, .. File.Exists(avif) ? ["--ro-bind", avif, avif] : (string[])[]];
        });
    }
}
