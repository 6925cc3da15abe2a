using System.Diagnostics;
using System.Globalization;
using Matrix.Processes;

namespace Matrix.Durability.PowerLoss;

/// <summary>The library that is preloaded into a server (see powerloss.c).</summary>
internal static class Shim
{
    /// <summary>From its next start on, what the server writes is recorded, in a file of that name and the process id.</summary>
    /// <param name="server">It.</param>
    /// <param name="record">The record's file.</param>
    /// <param name="killAt">It is killed in the middle of its write of this number; null for none.</param>
    public static void Preload(HomeserverProcess server, string record, int? killAt = null)
    {
        server.Settings["LD_PRELOAD"] = Compile(server.Folder);
        server.Settings["MATRIX_RECORD_FOLDER"] = server.DataFolder + "/";
        server.Settings["MATRIX_RECORD_TO"] = record;
        if (killAt is { } number)
        {
            server.Settings["MATRIX_RECORD_KILL_AT"] = number.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>From its next start on the server is alone.</summary>
    public static void Unload(HomeserverProcess server) => server.Settings.Remove("LD_PRELOAD");

    private static string Compile(string folder)
    {
        var library = Path.Combine(folder, "powerloss.so");
        var source = Path.Combine(Repository.Root, "tests", "durability", "powerloss.c");
        using var gcc = Process.Start("gcc", ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"]);
        gcc.WaitForExit();
        return gcc.ExitCode == 0 ? library : throw new InvalidOperationException("gcc did not compile powerloss.c.");
    }
}
