using System.Reflection;
using Matrix.Host.Network.FederationClient.Operations;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>
/// What is built is used: a request to other servers that nothing sends, and a setting that nothing reads, are found
/// here.
/// </summary>
internal sealed class UnusedTests
{
    private static readonly Lazy<IReadOnlyList<Use>> _uses = new(
        static () => [.. CompiledAssembly.Built.Keys.SelectMany(CompiledAssembly.UsesOf)]);

    [Test]
    public void Each_operation_of_other_servers_has_a_caller()
    {
        var called = _uses.Value.Where(use => use.Type == nameof(FederationApi)).Select(use => use.Member).ToHashSet();
        var operations = typeof(FederationApi)
            .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(method => method.Name).ToArray();
        Assert.That(operations, Has.Length.GreaterThan(20));
        Assert.That(operations.Where(name => !called.Contains(name)), Is.Empty);
    }

    [Test]
    public void Each_setting_is_read()
    {
        // The tables of settings name the property that they set; whatever reads it is elsewhere.
        const string Tables = "Matrix.Host.Configuration";
        var options = _uses.Value.Where(use =>
            use.Type.EndsWith("Options", StringComparison.Ordinal)
            && use.Member.StartsWith("get_", StringComparison.Ordinal)).ToLookup(use => use.From == Tables);
        var read = options[false].Select(Property).ToHashSet();
        var set = options[true].Select(Property).Distinct().ToArray();
        Assert.That(set, Has.Length.GreaterThan(200));
        Assert.That(set.Where(property => !read.Contains(property)), Is.Empty);
    }

    private static string Property(Use use) => $"{use.Namespace}.{use.Type}.{use.Member["get_".Length..]}";
}
