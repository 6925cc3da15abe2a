using Matrix.Host.Api.AdminPages.Rooms;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>Where the events of a drawn graph are placed.</summary>
public sealed class GraphLayoutTests
{
    private static GraphLayout Of(params (string, string[])[] events) =>
        GraphLayout.Of(events.Select(each => (each.Item1, (IReadOnlyList<string>)each.Item2)));

    [Test]
    public void A_chain_is_one_column()
    {
        var layout = Of(("c", ["b"]), ("b", ["a"]), ("a", []));
        Assert.That(
            layout.Points.Select(point => (point.Row, point.Column)), Is.EqualTo(new[] { (0, 0), (1, 0), (2, 0) }));
        Assert.That(layout.Lines, Has.Count.EqualTo(2));
        Assert.That(layout.Columns, Is.EqualTo(1));
    }

    [Test]
    public void Two_extremities_have_columns_of_their_own_until_their_fork()
    {
        var layout = Of(("c", ["a"]), ("b", ["a"]), ("a", ["root"]), ("root", []));
        Assert.That(layout.Points.Select(point => point.Column), Is.EqualTo(new[] { 0, 1, 0, 0 }));
        Assert.That(layout.Lines.Count(line => line.To.Row == 2), Is.EqualTo(2));
        Assert.That(layout.Lines.Any(line => line.IsOpen), Is.False);
    }

    [Test]
    public void A_merge_has_a_line_to_each_previous_event()
    {
        var layout = Of(("d", ["b", "c"]), ("c", ["a"]), ("b", ["a"]), ("a", []));
        Assert.That(
            layout.Lines.Where(line => line.From.Row == 0).Select(line => line.To.Row).Order(),
            Is.EqualTo(new[] { 1, 2 }));
        Assert.That(layout.Points.Select(point => point.Column).Max(), Is.EqualTo(1));
    }

    [Test]
    public void A_previous_event_that_is_not_drawn_leaves_an_open_line()
    {
        var layout = Of(("b", ["missing"]), ("a", ["missing"]));
        Assert.That(layout.Lines, Has.Count.EqualTo(2));
        Assert.That(layout.Lines.All(line => line.IsOpen && line.To.Row == 2));
    }

    [Test]
    public void A_previous_event_above_its_successor_is_joined_too()
    {
        var layout = Of(("a", []), ("b", ["a"]));
        Assert.That(layout.Lines.Single().To.Row, Is.Zero);
    }
}
