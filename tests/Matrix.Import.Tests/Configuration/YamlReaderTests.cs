using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Tests.Configuration;

[Parallelizable(ParallelScope.All)]
internal sealed class YamlReaderTests
{
    private static YamlValue ValueOf(string text)
    {
        var (document, problem) = YamlReader.Read("a.yaml", $"x: {text}\n", []);
        Assert.That(problem, Is.Null);
        return ((YamlValue.Map)document!).Find("x")!;
    }

    [TestCase("yes", true)]
    [TestCase("On", true)]
    [TestCase("off", false)]
    [TestCase("FALSE", false)]
    public void Words_of_YAML_1_1_are_booleans(string text, bool expected) =>
        Assert.That(((YamlValue.Flag)ValueOf(text)).Value, Is.EqualTo(expected));

    [TestCase("10", 10)]
    [TestCase("1_000", 1000)]
    [TestCase("0755", 493)]
    [TestCase("0x1F", 31)]
    [TestCase("0b101", 5)]
    [TestCase("1:30", 90)]
    [TestCase("-7", -7)]
    public void Integers_are_read_as_Python_reads_them(string text, long expected) =>
        Assert.That(((YamlValue.Whole)ValueOf(text)).Value, Is.EqualTo(expected));

    [TestCase("0.003", 0.003)]
    [TestCase(".5", 0.5)]
    [TestCase("1.5e+3", 1500)]
    public void Numbers_with_a_point_are_numbers(string text, double expected) =>
        Assert.That(((YamlValue.Real)ValueOf(text)).Value, Is.EqualTo(expected));

    [TestCase("1e3")]
    [TestCase("\"yes\"")]
    [TestCase("'10'")]
    [TestCase("!!str 10")]
    [TestCase("localhost:8448")]
    [TestCase("99999999999999999999")]
    public void Everything_else_is_text(string text) => Assert.That(ValueOf(text), Is.InstanceOf<YamlValue.Text>());

    [TestCase("~")]
    [TestCase("")]
    [TestCase("Null")]
    public void Nothing_is_nothing(string text) => Assert.That(ValueOf(text), Is.InstanceOf<YamlValue.Nothing>());

    [Test]
    public void Anchors_and_merges_are_followed()
    {
        var (document, problem) = YamlReader.Read(
            "a.yaml", "wide: &wide {per_second: 5, burst_count: 9}\nrc: {<<: *wide, burst_count: 1}\nrc2: *wide\n", []);

        Assert.That(problem, Is.Null);
        var map = (YamlValue.Map)document!;
        var merged = (YamlValue.Map)map.Find("rc")!;
        Assert.That(((YamlValue.Whole)merged.Find("per_second")!).Value, Is.EqualTo(5));
        Assert.That(((YamlValue.Whole)merged.Find("burst_count")!).Value, Is.EqualTo(1));
        Assert.That(map.Find("rc2"), Is.SameAs(map.Find("wide")));
    }

    [Test]
    public void The_last_of_two_entries_counts_with_a_warning()
    {
        var warnings = new List<Matrix.Import.Configuration.Reading.ConfigWarning>();

        var (document, _) = YamlReader.Read("a.yaml", "a: 1\nb: 2\na: 3\n", warnings);

        Assert.That(((YamlValue.Whole)((YamlValue.Map)document!).Find("a")!).Value, Is.EqualTo(3));
        Assert.That(warnings.Single().ToString(), Is.EqualTo("a.yaml:3: `a` replaces the one of line 1"));
    }

    [TestCase("a: [")]
    [TestCase("a: b: c")]
    [TestCase("a: !!python/object:os.system x")]
    [TestCase("a: *unknown")]
    [TestCase("a: 1\n---\nb: 2")]
    [TestCase("a: &a [*a]")]
    [TestCase("{[1]: 2}")]
    public void What_a_safe_loader_refuses_is_a_problem(string text)
    {
        var (document, problem) = YamlReader.Read("a.yaml", text, []);

        Assert.That(document, Is.Null);
        Assert.That(problem!.Kind, Is.EqualTo(ConfigProblemKind.NotYaml));
        Assert.That(problem.Location, Does.StartWith("a.yaml"));
    }

    [Test]
    public void A_file_cannot_grow_by_its_aliases_or_be_too_deep()
    {
        var grown = "a: &a {k0: 1, k1: 2}\n" + string.Concat(Enumerable.Range(0, 40).Select(
            i => $"m{i}: &m{i} {{<<: [{string.Join(',', Enumerable.Repeat("*a", 2000))}]}}\n"));
        var large = string.Concat(Enumerable.Repeat("[", 100));

        Assert.That(YamlReader.Read("a.yaml", grown + $"z: [{string.Join(',', Enumerable.Repeat("*a", 500_000))}]", [])
            .Problem, Is.Not.Null);
        Assert.That(YamlReader.Read("a.yaml", large, []).Problem, Is.Not.Null);
    }

    [Test]
    public void A_problem_does_not_quote_the_file()
    {
        var (_, problem) = YamlReader.Read("a.yaml", "macaroon_secret_key: \"hunter2\" \"x\n", []);

        Assert.That(problem!.ToString(), Does.Not.Contain("hunter2"));
    }
}
