using System.Globalization;

namespace Matrix.Processes;

/// <summary>
/// A control group that bounds the processor time of the processes in it: of version 1 or 2, whichever is mounted and
/// can be written.
/// </summary>
public sealed class ProcessorShare : IDisposable
{
    /// <summary>Short, so that a process that has used its quota stands still for milliseconds only.</summary>
    private const int PeriodMicroseconds = 4_000;

    private const string Root = "/sys/fs/cgroup";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly bool _isVersion2;

    private ProcessorShare(string folder, bool isVersion2) => (Folder, _isVersion2) = (folder, isVersion2);

    /// <summary>The group's folder.</summary>
    public string Folder { get; }

    /// <summary>The file that takes the id of a process that enters.</summary>
    public string Processes => Path.Combine(Folder, "cgroup.procs");

    /// <summary>Processors that the group may use.</summary>
    public double Processors { get; private set; }

    /// <summary>Makes a group; null if this machine lets nobody write one.</summary>
    /// <param name="name">Its name, to which this process adds its own id.</param>
    /// <param name="processors">Processors that it may use.</param>
    public static ProcessorShare? TryCreate(string name, double processors)
    {
        name = string.Create(CultureInfo.InvariantCulture, $"matrix-{name}-{Environment.ProcessId}");
        return TryCreate(new ProcessorShare(Path.Combine(Root, "cpu", name), isVersion2: false), processors)
            ?? TryCreate(new ProcessorShare(Path.Combine(Root, name), isVersion2: true), processors)
            ?? TryCreate(new ProcessorShare(Path.Combine(Root, "unified", name), isVersion2: true), processors);
    }

    /// <summary>Sets how many processors it may use.</summary>
    public void Allow(double processors)
    {
        var quota = (long)(processors * PeriodMicroseconds);
        if (_isVersion2)
        {
            Write("cpu.max", string.Create(CultureInfo.InvariantCulture, $"{quota} {PeriodMicroseconds}"));
        }
        else
        {
            Write("cpu.cfs_period_us", PeriodMicroseconds.ToString(CultureInfo.InvariantCulture));
            Write("cpu.cfs_quota_us", quota.ToString(CultureInfo.InvariantCulture));
        }

        Processors = processors;
    }

    /// <summary>Takes in a process that runs already, with all its threads.</summary>
    public void Enter(int processId) =>
        File.WriteAllText(Processes, processId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Removes the group. Its processes must have ended.</summary>
    public void Dispose()
    {
        for (var until = DateTime.UtcNow + _patience; Directory.Exists(Folder);)
        {
            try
            {
                Directory.Delete(Folder);
            }
            catch (Exception busy) when (busy is IOException or UnauthorizedAccessException)
            {
                // The kernel keeps a group for a moment after its last process.
                if (DateTime.UtcNow > until) throw;
                Thread.Sleep(20);
            }
        }
    }

    private static ProcessorShare? TryCreate(ProcessorShare share, double processors)
    {
        try
        {
            // A missing parent is a hierarchy that is not mounted.
            if (!Directory.Exists(Path.GetDirectoryName(share.Folder))) return null;
            Directory.CreateDirectory(share.Folder);
            if (!File.Exists(share.Processes) || !File.Exists(share.Limit))
            {
                share.Dispose();
                return null;
            }

            share.Allow(processors);
            return share;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(share.Folder)) share.Dispose();
            return null;
        }
    }

    private string Limit => Path.Combine(Folder, _isVersion2 ? "cpu.max" : "cpu.cfs_quota_us");

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(Folder, file), text);
}
