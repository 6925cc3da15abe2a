using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Matrix.Host.Tests.Architecture;

/// <summary>The host's compiled assemblies use no type that only F# code can use well.</summary>
internal sealed class SeamTests
{
    private const string FSharp = "FSharp.Core";

    [Test]
    public void No_host_assembly_uses_an_FSharp_option_list_map_result_or_function()
    {
        var assemblies = Directory.GetFiles(AppContext.BaseDirectory, "Matrix.Host*.dll")
            .Where(path => !path.EndsWith(".Tests.dll", StringComparison.Ordinal)).ToArray();
        Assert.That(assemblies, Has.Length.GreaterThan(2));
        Assert.That(assemblies.SelectMany(path => TypesUsed(path, FSharp)), Is.Empty);
    }

    [Test]
    public void The_check_sees_the_types_that_the_core_uses() =>
        Assert.That(
            TypesUsed(Path.Combine(AppContext.BaseDirectory, "Matrix.Core.dll"), FSharp),
            Has.Some.Contains("FSharpResult"));

    [Test]
    public void Endpoints_build_no_write_batches()
    {
        Assert.That(TypesUsed(PathOf("Matrix.Host.Api"), "Matrix.Host.Storage"), Has.None.EndsWith(": WriteBatch"));
        Assert.That(
            TypesUsed(PathOf("Matrix.Host.Users"), "Matrix.Host.Storage"),
            Has.Some.EndsWith(": WriteBatch"),
            "the check sees one");
    }

    [TestCase("Matrix.Host.Rooms", "Matrix.Host.Users")]
    [TestCase("Matrix.Host.Users", "Matrix.Host.Rooms")]
    public void Rooms_and_users_do_not_see_each_other(string one, string other)
    {
        using var pe = new PEReader(File.OpenRead(PathOf(one)));
        var metadata = pe.GetMetadataReader();
        var seen = metadata.AssemblyReferences.Select(
            handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name)).ToList();
        Assert.That(seen, Has.Member("Matrix.Host.Storage"));
        Assert.That(seen, Has.No.Member(other));
    }

    private static string PathOf(string assembly) => Path.Combine(AppContext.BaseDirectory, assembly + ".dll");

    /// <summary>The types of another assembly that an assembly refers to.</summary>
    private static List<string> TypesUsed(string path, string from)
    {
        using var pe = new PEReader(File.OpenRead(path));
        var metadata = pe.GetMetadataReader();
        var found = new List<string>();
        foreach (var handle in metadata.TypeReferences)
        {
            var type = metadata.GetTypeReference(handle);
            if (type.ResolutionScope.Kind != HandleKind.AssemblyReference) continue;
            var assembly = metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope);
            if (metadata.GetString(assembly.Name) == from)
                found.Add($"{Path.GetFileName(path)}: {metadata.GetString(type.Name)}");
        }

        return found;
    }
}
