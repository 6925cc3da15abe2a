namespace Matrix.Host.Network;

/// <summary>Lets one log line through for each subject, such as a server, and interval. Thread-safe.</summary>
/// <param name="interval">The shortest time between two lines of a subject.</param>
/// <param name="tracked">Subjects remembered; beyond these the oldest are dropped.</param>
public sealed class LogLimiter(TimeSpan interval, int tracked, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Line>> _bySubject = new(StringComparer.Ordinal);
    private readonly LinkedList<Line> _byAge = new();

    /// <summary>Whether a line may be logged now, and how many were held back since the one before.</summary>
    public bool Allows(string subject, out int heldBack)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            heldBack = 0;
            if (_bySubject.TryGetValue(subject, out var latest))
            {
                if (time.GetElapsedTime(latest.Value.At, now) < interval)
                {
                    latest.Value = latest.Value with { HeldBack = latest.Value.HeldBack + 1 };
                    return false;
                }

                heldBack = latest.Value.HeldBack;
                Drop(latest);
            }
            else if (_bySubject.Count >= tracked)
            {
                Drop(_byAge.First!);
            }

            _bySubject.Add(subject, _byAge.AddLast(new Line(subject, now, 0)));
            return true;
        }
    }

    private void Drop(LinkedListNode<Line> line)
    {
        _byAge.Remove(line);
        _bySubject.Remove(line.Value.Subject);
    }

    private readonly record struct Line(string Subject, long At, int HeldBack);
}
