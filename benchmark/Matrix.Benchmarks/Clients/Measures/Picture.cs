using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>Pictures as a camera makes them: soft noise in three colours, made with libvips.</summary>
internal static class Picture
{
    private const int Width = 4000;
    private const int Height = 3000;

    /// <summary>A picture of 12 megapixels of a format: `jpg` or `png`.</summary>
    public static byte[] Make(string format)
    {
        var folder = Repository.ScratchFolder("picture");
        try
        {
            foreach (var band in (string[])["r", "g", "b"])
            {
                Run(folder, "gaussnoise", "noise.v", $"{Width}", $"{Height}", "--mean", "128", "--sigma", "60");
                Run(folder, "gaussblur", "noise.v", "soft.v", "1.5");
                Run(folder, "cast", "soft.v", $"{band}.v", "uchar");
            }

            Run(folder, "bandjoin", "r.v g.v b.v", "colours.v");
            Run(folder, "copy", "colours.v", $"made.{format}", "--interpretation", "srgb");
            return File.ReadAllBytes(Path.Combine(folder, $"made.{format}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Run(string folder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("vips", arguments) { WorkingDirectory = folder })!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"vips {arguments[0]} failed.");
    }
}
