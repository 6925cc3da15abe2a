using System.Diagnostics;
using System.Globalization;

namespace Matrix.Durability.FullDisk;

/// <summary>A file system of fixed size, in memory.</summary>
internal sealed class Volume : IDisposable
{
    private readonly string _folder;

    private Volume(string folder) => _folder = folder;

    /// <summary>Mounts one on a folder; null where this process may not.</summary>
    public static Volume? TryMount(string folder, int megabytes, string options = "")
    {
        Directory.CreateDirectory(folder);
        var isMounted = Run("mount", "-t", "tmpfs", "-o", Size(megabytes) + options, "tmpfs", folder);
        return isMounted ? new Volume(folder) : null;
    }

    /// <summary>Gives it another size.</summary>
    public void Resize(int megabytes)
    {
        if (!Run("mount", "-o", $"remount,{Size(megabytes)}", _folder))
        {
            throw new InvalidOperationException($"{_folder} cannot be resized.");
        }
    }

    /// <summary>Unmounts it.</summary>
    public void Dispose() => Run("umount", "--lazy", _folder);

    private static string Size(int megabytes) => string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m");

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
