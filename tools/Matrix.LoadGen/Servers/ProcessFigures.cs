using System.Globalization;

namespace Matrix.LoadGen.Servers;

/// <summary>The kernel's figures of a process.</summary>
internal static class ProcessFigures
{
    // USER_HZ is 100 on every Linux that .NET runs on: /proc counts in ticks of 10 ms.
    private const double MillisecondsPerTick = 10;

    /// <summary>CPU time so far, user and system, of all threads, in milliseconds (a multiple of 10).</summary>
    public static double CpuMilliseconds(int processId)
    {
        // The second field is the name in parentheses. It may contain blanks, so count from its end.
        var text = File.ReadAllText($"/proc/{processId}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) * MillisecondsPerTick;
    }

    /// <summary>Resident memory in megabytes of 2^20 bytes.</summary>
    public static double ResidentMegabytes(int processId)
    {
        var line = File.ReadLines($"/proc/{processId}/status")
            .First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
