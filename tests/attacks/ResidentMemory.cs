using System.Globalization;

namespace Matrix.Attacks;

/// <summary>Looks at a process's resident memory five times a second.</summary>
internal sealed class ResidentMemory : IDisposable
{
    private readonly string _path;
    private readonly Timer _timer;
    private long _most;

    public ResidentMemory(int processId)
    {
        _path = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/status");
        _timer = new Timer(_ => Look(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
    }

    /// <summary>MiB now.</summary>
    public long Now => Read();

    /// <summary>The most MiB since it was created, or last forgot.</summary>
    public long Most
    {
        get
        {
            Look();
            return Interlocked.Read(ref _most);
        }
    }

    /// <summary>Begins again.</summary>
    public void Forget() => Interlocked.Exchange(ref _most, 0);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var now = Read();
        long before;
        while (now > (before = Interlocked.Read(ref _most)))
        {
            if (Interlocked.CompareExchange(ref _most, now, before) == before) return;
        }
    }

    private long Read()
    {
        try
        {
            var line = File.ReadLines(_path).First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)
                / 1024;
        }
        catch (Exception gone) when (gone is IOException or InvalidOperationException)
        {
            return 0;
        }
    }
}
