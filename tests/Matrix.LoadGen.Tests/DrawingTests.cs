using Matrix.LoadGen.Users;

namespace Matrix.LoadGen.Tests;

/// <summary>The people and what they do are drawn by the published rates, and by a seed.</summary>
internal sealed class DrawingTests
{
    private const int People = 2000;
    private const double Seconds = 1800;

    private static readonly Rates _rates = Rates.Published;
    private static readonly Community _community = Community.Draw(_rates, People, seed: 7);
    private static readonly Plan _plan = Plan.Draw(_community, _rates, seed: 7, Seconds);

    [Test]
    public void The_same_seed_draws_the_same_people_and_the_same_plan()
    {
        var again = Community.Draw(_rates, People, seed: 7);
        Assert.That(again.People.Select(Describe), Is.EqualTo(_community.People.Select(Describe)));
        Assert.That(again.Rooms.Select(Describe), Is.EqualTo(_community.Rooms.Select(Describe)));

        var plan = Plan.Draw(again, _rates, seed: 7, Seconds);
        Assert.That(plan.Actions, Is.EqualTo(_plan.Actions));
        Assert.That(plan.Sessions, Is.EqualTo(_plan.Sessions));
    }

    [Test]
    public void Another_seed_draws_others()
    {
        Assert.That(
            Community.Draw(_rates, People, seed: 8).Rooms.Select(Describe),
            Is.Not.EqualTo(_community.Rooms.Select(Describe)));
        Assert.That(Plan.Draw(_community, _rates, seed: 8, Seconds).Actions, Is.Not.EqualTo(_plan.Actions));
    }

    [Test]
    public void Everybody_has_a_device_and_the_shares_are_those_of_the_table()
    {
        var people = _community.People;
        Assert.That(people, Has.All.Matches<Person>(static each => each.HasPhone || each.HasLaptop));
        Assert.That(
            Share(people, static each => each.HasPhone), Is.EqualTo(_rates["phones"]).Within(0.03));
        Assert.That(
            Share(people.Where(static each => each.HasPhone), static each => each.HasLaptop),
            Is.EqualTo(_rates["laptops"]).Within(0.04));
        Assert.That(people.Average(static each => each.Activity), Is.EqualTo(1).Within(0.15));
    }

    [TestCase(ActionKind.Receipt, "receipts", 0.15)]
    [TestCase(ActionKind.Reaction, "reactions", 0.2)]
    [TestCase(ActionKind.Picture, "pictures", 0.2)]
    [TestCase(ActionKind.Download, "downloads", 0.2)]
    [TestCase(ActionKind.UploadKeys, "key-uploads", 0.2)]
    public void Actions_are_as_many_as_the_table_says(ActionKind kind, string rate, double within)
    {
        var expected = _rates.PerSecond(rate) * People * Seconds;
        Assert.That(Count(kind), Is.EqualTo(expected).Within(within * expected));
    }

    [Test]
    public void Messages_are_as_many_as_the_table_says_and_each_is_typed()
    {
        var expected = _rates.PerSecond("messages") * People * Seconds;
        var messages = Count(ActionKind.Message) + Count(ActionKind.EncryptedMessage);
        Assert.That(messages, Is.EqualTo(expected).Within(0.15 * expected));
        Assert.That(Count(ActionKind.Typing), Is.EqualTo(messages * _rates["typing"]).Within(0.05 * messages));
        Assert.That(
            Count(ActionKind.ShareKeys),
            Is.EqualTo(Count(ActionKind.EncryptedMessage) * _rates["key-shares"]).Within(25).Percent);
    }

    [Test]
    public void A_pace_multiplies_what_people_do()
    {
        var faster = Plan.Draw(_community, _rates, seed: 7, Seconds, pace: 4);
        Assert.That(faster.Actions.Count, Is.EqualTo(4 * _plan.Actions.Count).Within(5).Percent);
        Assert.That(
            faster.Sessions.Count, Is.EqualTo(_plan.Sessions.Count), "phones are looked at as often as before");
    }

    [Test]
    public void Phones_are_looked_at_for_their_share_of_the_time()
    {
        var phones = _community.People.Count(static each => each.HasPhone);
        var looked = _plan.Sessions.Sum(static each => each.Until - each.From);
        Assert.That(looked / (phones * Seconds), Is.EqualTo(_rates.ForegroundShare).Within(0.01));
    }

    [Test]
    public void What_is_done_on_a_phone_is_done_while_it_is_looked_at()
    {
        var sessions = _plan.Sessions.ToLookup(static each => each.Person);

        // What precedes a message may begin before the session.
        var outside = _plan.Actions
            .Where(static each => each.OnPhone && each.Kind is not (ActionKind.Typing or ActionKind.ShareKeys))
            .Where(each => !sessions[each.Person].Any(
                session => each.At >= session.From - 1e-6 && each.At <= session.Until + 1e-6));
        Assert.That(outside, Is.Empty);
    }

    [Test]
    public void Actions_come_in_the_order_of_time_and_in_rooms_of_the_person()
    {
        Assert.That(_plan.Actions.Select(static each => each.At), Is.Ordered);
        Assert.That(
            _plan.Actions.Where(static each => each.Kind != ActionKind.Join),
            Has.All.Matches<PlannedAction>(each => _community.People[each.Person].Rooms.Contains(each.Room)));
        Assert.That(_plan.Actions, Has.All.Matches<PlannedAction>(static each => each.At is >= 0 and < Seconds));
    }

    [Test]
    public void Rooms_are_as_many_as_the_table_says_and_few_are_large()
    {
        var groups = _community.Rooms.Where(static each => !each.IsDirect).ToList();
        var memberships = groups.Sum(static each => each.Members.Count);
        Assert.That(memberships, Is.EqualTo(People * _rates["groups"]).Within(15).Percent);
        Assert.That(
            _community.Rooms.Count(static each => each.IsDirect), Is.EqualTo(People * _rates["direct-chats"] / 2));

        var least = _rates["group-least"];
        Assert.That(groups, Has.All.Matches<PlannedRoom>(each => each.Members.Count >= least));
        Assert.That(groups.Max(static each => each.Members.Count), Is.InRange(40, People / 2));
        var tenfold = Math.Pow(10, -_rates["group-exponent"]);
        Assert.That(Share(groups, each => each.Members.Count >= 10 * least), Is.EqualTo(tenfold).Within(0.03));
        Assert.That(_community.Rooms, Has.All.Matches<PlannedRoom>(
            static each => each.Members.Distinct().Count() == each.Members.Count));
    }

    private static int Count(ActionKind kind) => _plan.Actions.Count(each => each.Kind == kind);

    private static double Share<T>(IEnumerable<T> all, Func<T, bool> which) =>
        all.Average(each => which(each) ? 1.0 : 0);

    private static string Describe(Person person) => $"{person with { Rooms = [] }} {string.Join(' ', person.Rooms)}";

    private static string Describe(PlannedRoom room) =>
        $"{room with { Members = [] }} {string.Join(' ', room.Members)}";
}
