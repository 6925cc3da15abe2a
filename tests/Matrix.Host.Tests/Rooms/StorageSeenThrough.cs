using System.Reflection;
using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Rooms;

/// <summary>A storage of which one part is a test's own.</summary>
public class StorageSeenThrough : DispatchProxy
{
    private IStorage _storage = null!;
    private string _part = null!;
    private object _instead = null!;

    /// <summary>The storage with a part of it instead of its own: `nameof(IStorage.Profiles)`.</summary>
    public static IStorage Instead(IStorage storage, string part, object instead)
    {
        var seen = Create<IStorage, StorageSeenThrough>();
        var self = (StorageSeenThrough)(object)seen;
        (self._storage, self._part, self._instead) = (storage, part, instead);
        return seen;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod!.Name == "get_" + _part ? _instead : targetMethod.Invoke(_storage, args);
}
