using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>Carries out changes of the past, each at its own position and time.</summary>
internal static class DatedChanges
{
    public static void Register(WriteHandlers handlers) => handlers.On<DatedChange>((op, writes) =>
    {
        var (position, now) = (writes.Position, writes.Now);
        writes.Position = op.Position;
        writes.Now = op.At ?? now;
        try
        {
            handlers.Apply(op.Change, writes);
        }
        finally
        {
            (writes.Position, writes.Now) = (position, now);
        }
    });
}
