using System.Globalization;

namespace Matrix.Benchmarks.Measures;

/// <summary>Processor times of processes and of the machine, as the kernel counts them: in steps of 10 ms.</summary>
internal static class ProcessorTimes
{
    private const double MillisecondsPerTick = 10;

    /// <summary>The time of a process, user and system, in milliseconds.</summary>
    public static double Of(int processId) => Read(processId) is { } own ? own.Own : 0;

    /// <summary>
    /// The time of a process and all its children, ended ones included, in milliseconds. A child's own children are
    /// not counted while they run.
    /// </summary>
    public static double OfFamily(int processId)
    {
        var sum = 0.0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id) || Read(id) is not { } each) continue;
            if (id == processId) sum += each.Own + each.Ended;
            else if (each.Parent == processId) sum += each.Own + each.Ended;
        }

        return sum;
    }

    /// <summary>The machine's times, in milliseconds: in which a processor worked, and all.</summary>
    public static (double Busy, double All) OfMachine()
    {
        double[] times =
        [
            .. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
                .Select(static time => Number(time) * MillisecondsPerTick),
        ];
        var all = times.Sum();
        return (all - times[3] - times[4], all);
    }

    /// <summary>The resident memory of a process and its children in megabytes. What they share counts once.</summary>
    public static double FamilyMegabytes(int processId) => Directory.EnumerateDirectories("/proc")
        .Select(static folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
        .Where(id => id > 0 && (id == processId || Read(id)?.Parent == processId))
        .Sum(Proportional);

    private static (int Parent, double Own, double Ended)? Read(int processId)
    {
        try
        {
            // The second field is the name in parentheses. It may contain blanks, so count from its end.
            var text = File.ReadAllText($"/proc/{processId}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (
                (int)Number(fields[1]), (Number(fields[11]) + Number(fields[12])) * MillisecondsPerTick,
                (Number(fields[13]) + Number(fields[14])) * MillisecondsPerTick);
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }

    /// <summary>The memory of a process; what it shares with others is divided among them.</summary>
    private static double Proportional(int processId)
    {
        try
        {
            var line = File.ReadLines($"/proc/{processId}/smaps_rollup")
                .First(static each => each.StartsWith("Pss:", StringComparison.Ordinal));
            return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
