using System.Diagnostics;
using Matrix.LoadGen.Reporting;

namespace Matrix.LoadGen.Users;

/// <summary>The times of operations by name, and those that failed. Thread-safe.</summary>
internal sealed class Operations
{
    private const int MostProblems = 5;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Durations> _times = [];
    private readonly Dictionary<string, int> _failed = [];
    private readonly List<string> _problems = [];

    /// <summary>The operations that were done, by name.</summary>
    public IReadOnlyDictionary<string, Durations> Times => _times;

    /// <summary>How many failed, by name.</summary>
    public IReadOnlyDictionary<string, int> Failed => _failed;

    /// <summary>The first problems.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Whether anything is counted.</summary>
    public bool IsMeasuring { get; set; }

    /// <summary>An operation was done that began at a timestamp of <see cref="Stopwatch"/>.</summary>
    public void Done(string name, long since) => Took(name, Stopwatch.GetTimestamp() - since);

    /// <summary>An operation took this many ticks of <see cref="Stopwatch"/>.</summary>
    public void Took(string name, long ticks)
    {
        if (!IsMeasuring) return;
        lock (_gate)
        {
            if (!_times.TryGetValue(name, out var times)) _times.Add(name, times = new Durations());
            times.Add(ticks);
        }
    }

    /// <summary>An operation failed, measured or not.</summary>
    public void Fail(string name, string problem)
    {
        lock (_gate)
        {
            _failed[name] = _failed.GetValueOrDefault(name) + 1;
            if (_problems.Count < MostProblems) _problems.Add($"{name}: {problem}");
        }
    }
}
