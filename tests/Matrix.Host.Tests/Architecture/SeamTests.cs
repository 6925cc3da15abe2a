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
        var assemblies = HostAssemblies();
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

    [Test]
    public void The_host_calls_the_core_by_names_as_CSharp_spells_them()
    {
        Assert.That(HostAssemblies().SelectMany(MethodsOfTheCore).Where(IsSpelledAsFSharp), Is.Empty);
        Assert.That(HostAssemblies().SelectMany(MethodsOfTheCore), Has.Some.EqualTo("CanonicalJson.WriteString"));
        Assert.That(IsSpelledAsFSharp("CanonicalJson.text"), "the check sees functions");
        Assert.That(IsSpelledAsFSharp("Json.NewString"), "the check sees cases");
    }

    /// <summary>An application has no synchronization context, and the nullable analysis finds nulls.</summary>
    [TestCase("ConfigureAwait(Boolean)")]
    [TestCase("ThrowIfNull")]
    public void The_host_and_its_tools_do_not_call(string method) =>
        Assert.That(
            Directory.GetFiles(AppContext.BaseDirectory, "Matrix.*.dll").SelectMany(MethodsUsed)
                .Where(used => used.Name == method).Select(used => used.From),
            Is.Empty);

    [Test]
    public void The_check_of_calls_sees_methods_of_generic_types_and_those_with_a_boolean()
    {
        string[] names = [.. HostAssemblies().SelectMany(MethodsUsed).Select(used => used.Name)];

        Assert.That(names, Has.Some.EqualTo("ConfigureAwait"), "with options");
        Assert.That(names, Has.Some.EqualTo("GetAwaiter"));
        Assert.That(names, Has.Some.EndsWith("(Boolean)"));
    }

    private static string[] HostAssemblies() =>
        [.. Directory.GetFiles(AppContext.BaseDirectory, "Matrix.Host*.dll")
            .Where(path => !path.EndsWith(".Tests.dll", StringComparison.Ordinal))];

    private static IEnumerable<string> MethodsOfTheCore(string path) =>
        from used in MethodsUsed(path)
        where used.Assembly is "Matrix.Core" or "Matrix.Rules"
        select $"{used.Type}.{used.Name}";

    /// <summary>Whether a method has the name of a module's function, or of a case of <c>Json</c>.</summary>
    private static bool IsSpelledAsFSharp(string method)
    {
        var name = method[(method.IndexOf('.', StringComparison.Ordinal) + 1)..];
        return method.StartsWith("Json.New", StringComparison.Ordinal)
            || (char.IsLower(name[0]) && !name.StartsWith("get_", StringComparison.Ordinal)
                && !name.StartsWith("set_", StringComparison.Ordinal)
                && !name.StartsWith("op_", StringComparison.Ordinal));
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

    /// <summary>
    /// The methods of other assemblies that an assembly refers to. One with a single boolean parameter has it in its
    /// name.
    /// </summary>
    private static List<(string Assembly, string Type, string Name, string From)> MethodsUsed(string path)
    {
        using var pe = new PEReader(File.OpenRead(path));
        var metadata = pe.GetMetadataReader();
        var found = new List<(string, string, string, string)>();
        foreach (var handle in metadata.MemberReferences)
        {
            var member = metadata.GetMemberReference(handle);
            if (member.GetKind() != MemberReferenceKind.Method) continue;
            var name = metadata.GetString(member.Name);
            if (TakesABoolean(metadata.GetBlobReader(member.Signature))) name += "(Boolean)";
            if (member.Parent.Kind != HandleKind.TypeReference)
            {
                // A method of a generic type, as of ValueTask<T>.
                found.Add(("", "", name, Path.GetFileName(path)));
                continue;
            }

            var type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent);
            var assembly = type.ResolutionScope.Kind == HandleKind.AssemblyReference
                ? metadata.GetString(
                    metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name)
                : "";
            found.Add((assembly, metadata.GetString(type.Name), name, Path.GetFileName(path)));
        }

        return found;
    }

    private static bool TakesABoolean(BlobReader signature)
    {
        signature.ReadSignatureHeader();
        if (signature.ReadCompressedInteger() != 1) return false;
        return signature.ReadBytes(signature.RemainingBytes)[^1] == (byte)SignatureTypeCode.Boolean;
    }
}
