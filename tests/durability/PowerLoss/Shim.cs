using System.Diagnostics;
using System.Globalization;
using Matrix.Processes;

namespace Matrix.Durability.PowerLoss;

/// <summary>The library that is preloaded into a server (see powerloss.c).</summary>
internal static class Shim
{
    /// <summary>Records the server's writes from its next start on.</summary>
    /// <param name="server">The server.</param>
    /// <param name="record">The recording's file; the process id is appended.</param>
    /// <param name="killAt">The number of the write in whose middle the server is killed; null for none.</param>
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

    /// <summary>Ends the recording with the server's next start.</summary>
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
