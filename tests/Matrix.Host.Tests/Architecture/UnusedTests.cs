using System.Reflection;
using Matrix.Host.Configuration;
using Matrix.Host.Network.FederationClient.Operations;

namespace Matrix.Host.Tests.Architecture;

/// <summary>What is built is used: something sends each request to other servers, and reads each option.</summary>
internal sealed class UnusedTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Lazy<IReadOnlyList<Type>> _types = new(static () =>
    [
        .. Directory.GetFiles(AppContext.BaseDirectory, "*.dll")
            .Select(Path.GetFileNameWithoutExtension)
            .Where(static name => name == "matrix-host" || name!.StartsWith("Matrix.Host.", StringComparison.Ordinal))
            .Where(static name => !name!.EndsWith(".Tests", StringComparison.Ordinal))
            .SelectMany(static name => Assembly.Load(name!).GetTypes()),
    ]);

    [Test]
    public void Each_operation_of_other_servers_has_a_caller()
    {
        MethodInfo[] operations = [.. typeof(FederationOperations)
            .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)];

        Assert.That(operations, Has.Length.GreaterThan(20));
        Assert.That(
            Unused(operations, _types.Value.Where(static type => OutermostOf(type) != typeof(FederationOperations))),
            Is.Empty);
    }

    [Test]
    public void Each_option_is_read()
    {
        // Options are set by reflection. What only checks them does not use them.
        Type[] readers = [.. _types.Value.Where(static type => OutermostOf(type) != typeof(ConfigChecks))];
        MethodInfo[] options = [.. _types.Value
            .Where(static type => type == typeof(HomeserverConfig)
                || type.Name.EndsWith("Options", StringComparison.Ordinal))
            .SelectMany(static type => type.GetProperties(Declared)).Where(static option => option.CanWrite)
            .Select(static option => option.GetMethod).OfType<MethodInfo>()];

        Assert.That(options, Has.Length.GreaterThan(300));
        Assert.That(Unused(options, readers), Is.Empty);
    }

    [Test]
    public void What_nothing_calls_or_reads_is_found()
    {
        var sample = typeof(Sample).GetMethods(Declared).Where(method => !method.IsSpecialName || IsGetter(method));

        Assert.That(
            Unused(
                sample.Where(static method => method.Name.Contains("sed", StringComparison.Ordinal)),
                [typeof(Sample), typeof(Caller), .. typeof(Caller).GetNestedTypes(BindingFlags.NonPublic)]),
            Is.EquivalentTo(new[] { "Sample.Unused", "Sample.get_UnusedOption" }));
    }

    /// <summary>The names of the methods that none of the types calls.</summary>
    private static string[] Unused(IEnumerable<MethodInfo> wanted, IEnumerable<Type> types)
    {
        HashSet<MethodInfo> called = [.. types.SelectMany(Called)];
        return [.. wanted.Where(method => !called.Contains(method))
            .Select(static method => $"{method.DeclaringType!.Name}.{method.Name}")];
    }

    /// <summary>The methods that the code of a type calls.</summary>
    private static IEnumerable<MethodInfo> Called(Type type)
    {
        const BindingFlags All = Declared | BindingFlags.Static;
        // A record prints and takes apart all of its properties.
        return type.GetMethods(All).Where(static method => method.Name is not ("PrintMembers" or "Deconstruct"))
            .Concat<MethodBase>(type.GetConstructors(All))
            .SelectMany(MethodCode.MembersOf).Select(static found => found.Member).OfType<MethodInfo>();
    }

    private static Type OutermostOf(Type type) => type.DeclaringType is { } outer ? OutermostOf(outer) : type;

    private static bool IsGetter(MethodInfo method) => method.Name.StartsWith("get_", StringComparison.Ordinal);

    private sealed record Sample(int UsedOption, int UnusedOption)
    {
        public int Used() => GetHashCode();

        public int Unused() => GetHashCode();
    }

    private sealed class Caller
    {
        internal static int Call(Sample sample)
        {
            return sample.Used() + new[] { sample }.Sum(static each => each.UsedOption);
        }
    }
}
