using System.Reflection;
using System.Reflection.Emit;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Tests.Architecture;

/// <summary>The consumers of changes, and the kinds of changes that their compiled code looks at.</summary>
internal static class ConsumerCode
{
    private static readonly Dictionary<Type, IReadOnlySet<Type>> _kinds = [];

    /// <summary>The classes of the host, except those of storage.</summary>
    public static IReadOnlyList<Type> HostTypes { get; } =
    [
        .. Directory.GetFiles(AppContext.BaseDirectory, "Matrix.Host*.dll")
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Where(name => name is not ("Matrix.Host.Tests" or "Matrix.Host.Storage"))
            .SelectMany(name => Assembly.Load(name).GetTypes()),
    ];

    /// <summary>The classes that consume changes. Storage has one of them.</summary>
    public static IEnumerable<Type> Consumers =>
        HostTypes.Where(static type => typeof(IChangeConsumer).IsAssignableFrom(type)).Append(typeof(ShardOwners));

    /// <summary>The kinds that a consumer looks at, by itself or by a method to which it gives a change.</summary>
    public static IReadOnlySet<Type> KindsOf(Type consumer)
    {
        lock (_kinds)
        {
            if (_kinds.TryGetValue(consumer, out var known)) return known;
            return _kinds[consumer] = MethodCode.MethodsOf(consumer)
                .SelectMany(WithHelpers)
                .SelectMany(MethodCode.MembersOf)
                .Where(static named => named.Code == OpCodes.Isinst)
                .Select(static named => named.Member).OfType<Type>()
                .Where(static type => type.IsSubclassOf(typeof(Change)))
                .ToHashSet();
        }
    }

    /// <summary>A method, and those to which it gives a change.</summary>
    private static IEnumerable<MethodBase> WithHelpers(MethodBase method) => MethodCode.MembersOf(method)
        .Select(named => named.Member).OfType<MethodInfo>()
        .Where(called => called.IsStatic
            && Array.Exists(called.GetParameters(), each => each.ParameterType == typeof(Change)))
        .Prepend(method);
}
