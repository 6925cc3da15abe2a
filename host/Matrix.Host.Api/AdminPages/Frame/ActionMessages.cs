using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>A sentence about the last act, which the next page shows.</summary>
/// <param name="IsAlert">Whether the action failed.</param>
internal sealed record ActionMessage(string Text, bool IsAlert);

/// <summary>The sentences that the next page of each browser shows, once. In memory; beyond a bound, all are dropped.
/// </summary>
internal sealed class ActionMessages
{
    private const int Most = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ActionMessage> _bySession = new(StringComparer.Ordinal);

    /// <summary>Keeps a sentence for the next page.</summary>
    internal void Put(PageSession session, ActionMessage message)
    {
        lock (_lock)
        {
            if (_bySession.Count >= Most) _bySession.Clear();
            _bySession[session.Id] = message;
        }
    }

    /// <summary>The sentence for this page; null for none.</summary>
    internal ActionMessage? Take(PageSession session)
    {
        lock (_lock) return _bySession.Remove(session.Id, out var message) ? message : null;
    }
}
