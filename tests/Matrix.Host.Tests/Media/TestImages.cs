using System.Buffers.Binary;
using System.Diagnostics;

namespace Matrix.Host.Tests.Media;

/// <summary>Makes images, and reads their headers, with libvips.</summary>
internal static class TestImages
{
    /// <summary>An image of a format (`jpg`, `png`, `webp`, `gif`, `avif`), grey and noisy.</summary>
    internal static async Task<byte[]> MakeAsync(string format, int width, int height, params string[] options)
    {
        using var folder = new Folder();
        await RunAsync(folder.Path, "vips", "gaussnoise", "noise.v", $"{width}", $"{height}", "--mean", "128");
        await RunAsync(folder.Path, "vips", "cast", "noise.v", "grey.v", "uchar");
        var extended = options.Length > 0 ? $"[{string.Join(',', options)}]" : "";
        await RunAsync(folder.Path, "vips", "copy", "grey.v", $"made.{format}{extended}");
        return await File.ReadAllBytesAsync(Path.Combine(folder.Path, "made." + format));
    }

    /// <summary>An animation of three pictures.</summary>
    internal static async Task<byte[]> MakeMovingAsync(int width, int height)
    {
        using var folder = new Folder();
        await RunAsync(folder.Path, "vips", "gaussnoise", "noise.v", $"{width}", $"{3 * height}", "--mean", "128");
        await RunAsync(folder.Path, "vips", "cast", "noise.v", "grey.v", "uchar");
        await RunAsync(folder.Path, "vips", "gifsave", "grey.v", "made.gif", "--page-height", $"{height}");
        return await File.ReadAllBytesAsync(Path.Combine(folder.Path, "made.gif"));
    }

    /// <summary>Whether this machine lets bubblewrap make namespaces.</summary>
    internal static async Task<bool> CanIsolateAsync()
    {
        try
        {
            using var process = Process.Start(
                "bwrap", ["--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"]);
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>A PNG with a chunk after its header.</summary>
    internal static byte[] With(byte[] png, string name, ReadOnlySpan<byte> content)
    {
        const int AfterHeader = 33;
        byte[] named = [.. System.Text.Encoding.ASCII.GetBytes(name), .. content];
        var (length, sum) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(sum, Checksum(named));
        return [.. png.AsSpan(0, AfterHeader), .. length, .. named, .. sum, .. png.AsSpan(AfterHeader)];
    }

    /// <summary>A PNG that says that it is an animation of one picture.</summary>
    internal static byte[] Moving(byte[] png) => With(png, "acTL", [0, 0, 0, 1, 0, 0, 0, 0]);

    /// <summary>A PNG with transparency.</summary>
    internal static async Task<byte[]> MakeTransparentAsync(int width, int height)
    {
        using var folder = new Folder();
        await RunAsync(folder.Path, "vips", "black", "black.v", $"{width}", $"{height}", "--bands", "4");
        await RunAsync(folder.Path, "vips", "copy", "black.v", "made.png", "--interpretation", "srgb");
        return await File.ReadAllBytesAsync(Path.Combine(folder.Path, "made.png"));
    }

    /// <summary>A JPEG of a camera that was turned: it is shown with width and height exchanged.</summary>
    internal static async Task<byte[]> MakeTurnedAsync(int width, int height)
    {
        var plain = await MakeAsync("jpg", width, height, "strip");

        // EXIF with one entry: orientation 6.
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1,
            0, 6, 0, 0, 0, 0, 0, 0,
        ];
        return [.. plain[..2], .. exif, .. plain[2..]];
    }

    /// <summary>A field of an image's header: `width`, `n-pages`. Null if it has none.</summary>
    internal static async Task<string?> FieldAsync(byte[] image, string name)
    {
        using var folder = new Folder();
        await File.WriteAllBytesAsync(Path.Combine(folder.Path, "image"), image);
        var header = await RunAsync(folder.Path, "vipsheader", "-a", "image");
        return header.Split('\n').Where(line => line.StartsWith(name + ": ", StringComparison.Ordinal))
            .Select(line => line[(name.Length + 2)..]).FirstOrDefault();
    }

    internal static async Task<(int Width, int Height)> SizeAsync(byte[] image) =>
        (int.Parse((await FieldAsync(image, "width"))!), int.Parse((await FieldAsync(image, "height"))!));

    private static async Task<string> RunAsync(string folder, string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, $"{tool} {string.Join(' ', arguments)}: {errors}");
        return await output;
    }

    /// <summary>The checksum of PNG's chunks.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var next in bytes)
        {
            sum ^= next;
            for (var bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ ((sum & 1) * 0xEDB88320);
        }

        return ~sum;
    }

    private sealed class Folder : IDisposable
    {
        internal string Path { get; } = Directory.CreateTempSubdirectory("matrix-image-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
