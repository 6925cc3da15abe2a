using Matrix.Core.Event;
using Matrix.Core.State;

namespace Matrix.Host.Rooms.Servers;

/// <summary>A user's membership of a room.</summary>
/// <param name="Time">The `origin_server_ts` of the membership event.</param>
/// <param name="Position">The position of the batch that stored it.</param>
internal readonly record struct ServerMember(string Membership, long Time, long Position);

/// <summary>
/// Finds members of one server in several states of a room. The first state is searched; each further one costs what
/// differs from the one before. Every membership event is looked up once, up to a bound.
/// </summary>
/// <param name="server">The server.</param>
/// <param name="most">The most membership events that are looked up; further ones count as no members.</param>
/// <param name="load">Looks up memberships by the ordinals of their events; absent events are left out.</param>
internal sealed class ServerMembers(
    string server,
    int most,
    Func<IReadOnlyCollection<uint>, ValueTask<IReadOnlyDictionary<uint, ServerMember>>> load)
{
    /// <summary>The type of membership events.</summary>
    internal const string MemberType = EventTypes.Member;

    /// <summary>The events that are looked up at once: mostly one of the first is of a joined user.</summary>
    private const int Page = 100;

    private readonly Dictionary<string, uint> _ordinals = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, ServerMember> _members = [];
    private readonly HashSet<uint> _unknown = [];
    private StateTree? _state;
    private int _loaded;

    /// <summary>Whether the state has a member of the server for which a condition holds.</summary>
    internal async ValueTask<bool> AnyAsync(StateTree state, Func<ServerMember, bool> holds)
    {
        MoveTo(state);
        foreach (var ordinal in _ordinals.Values)
        {
            if (_members.TryGetValue(ordinal, out var member) && holds(member)) return true;
        }

        while (_unknown.Count > 0 && _loaded < most)
        {
            uint[] page = [.. _unknown.Take(Math.Min(Page, most - _loaded))];
            _loaded += page.Length;
            _unknown.ExceptWith(page);
            var found = await load(page);
            foreach (var ordinal in page) _members[ordinal] = found.GetValueOrDefault(ordinal);
            if (page.Any(ordinal => holds(_members[ordinal]))) return true;
        }

        return false;
    }

    private void MoveTo(StateTree state)
    {
        if (_state is null)
        {
            foreach (var entry in state.OfType(MemberType)) Set(entry);
        }
        else
        {
            foreach (var change in StateTree.Diff(_state, state).Changes)
            {
                if (change.After is { } after) Set(after);
                else if (change.Before is { Type: MemberType } before
                    && _ordinals.Remove(before.StateKey, out var gone))
                {
                    _unknown.Remove(gone);
                }
            }
        }

        _state = state;
    }

    private void Set(StateEntry entry)
    {
        if (entry.Type != MemberType || RoomNames.ServerOf(entry.StateKey) != server) return;
        if (_ordinals.TryGetValue(entry.StateKey, out var before)) _unknown.Remove(before);
        _ordinals[entry.StateKey] = entry.Ordinal;
        if (!_members.ContainsKey(entry.Ordinal)) _unknown.Add(entry.Ordinal);
    }
}
