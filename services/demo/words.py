"""The words of the demo: what an invented grocer sells, who makes it and who buys it."""

from dataclasses import dataclass


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


PLACES = _parts(
    "Alder, Amber, Anchor, Ashford, Birch, Bluebell, Bramble, Brook, Cedar, Clover, Copper, Cove, "
    "Dapple, Elder, Fern, Foxglove, Hazel, Heath, Highfield, Juniper, Larch, Linden, Marsh, Meadow, "
    "Moss, Northway, Oakley, Pebble, Rowan, Willow"
)
"""First words of brands."""

FOOD_TRADES = _parts(
    "Bakehouse, Dairy, Farm, Fields, Foods, Garden, Granary, Kitchen, Larder, Mill, Orchard, Pantry, "
    "Provisions, Table"
)
HOME_TRADES = _parts("Care, Home, House, Household, Living, Works")
"""Second words of brands, by what they make."""

QUALITIES = (
    "made in small batches",
    "from long-standing suppliers",
    "a favourite of the whole family",
    "made to a simple recipe",
    "chosen for its taste",
    "for every day of the week",
    "with nothing added that need not be there",
    "made for busy kitchens",
)
HOME_QUALITIES = (
    "gentle on hands and strong on dirt",
    "made to last",
    "for every day of the week",
    "tested in busy households",
    "in a box made of recycled card",
    "with a refill that saves packaging",
)
STORAGE = {
    "cold": "Keep refrigerated and use within three days of opening.",
    "frozen": "Keep frozen at -18 °C and do not refreeze.",
    "dry": "Keep in a cool, dry place.",
    "home": "Keep out of the reach of children.",
}


@dataclass(frozen=True, slots=True)
class Aisle:
    """A category of the second level: its leaves, and what the products in them are like.

    `price` is a range in minor units; `nutrition` holds typical grams per 100 g or 100 ml of fat, saturated
    fat, carbohydrate, sugars, fibre, protein and salt.
    """

    name: str
    leaves: tuple[str, ...]
    kinds: tuple[str, ...]
    sizes: tuple[str, ...]
    price: tuple[int, int]
    storage: str = "dry"
    ingredients: str = ""
    nutrition: tuple[float, ...] = ()


def _aisle(
    name: str,
    leaves: str,
    kinds: str,
    sizes: str,
    price: tuple[int, int],
    storage: str = "dry",
    ingredients: str = "",
    nutrition: tuple[float, ...] = (),
) -> Aisle:
    return Aisle(name, _parts(leaves), _parts(kinds), _parts(sizes), price, storage, ingredients, nutrition)


TREE: dict[str, tuple[Aisle, ...]] = {
    "Breakfast": (
        _aisle(
            "Cereals",
            "Oat flakes, Muesli, Granola, Corn flakes, Bran flakes",
            "Classic, Wholegrain, Honey, Apple & cinnamon, Raspberry, Dark chocolate, Hazelnut, Five-grain",
            "375 g, 500 g, 750 g, 1 kg",
            (179, 649),
            "dry",
            "Whole grain oats, wheat, barley malt extract, sunflower oil, salt",
            (6.5, 1.1, 62, 9, 9, 11, 0.2),
        ),
        _aisle(
            "Spreads",
            "Fruit jam, Honey, Nut butter, Chocolate spread",
            "Strawberry, Apricot, Blackcurrant, Acacia, Crunchy, Smooth, Orange, Forest berry",
            "200 g, 340 g, 450 g",
            (199, 799),
            "dry",
            "Fruit, sugar, pectin, lemon juice",
            (9, 1.6, 55, 48, 2, 4, 0.1),
        ),
        _aisle(
            "Bread",
            "Sliced bread, Crispbread, Rolls, Tortillas",
            "Rye, Wholemeal, White, Seeded, Sourdough, Spelt, Oat, Malted",
            "250 g, 400 g, 500 g, 800 g",
            (119, 449),
            "dry",
            "Wheat flour, water, rye flour, yeast, rapeseed oil, salt",
            (3.5, 0.6, 46, 3, 6, 9, 1.0),
        ),
    ),
    "Dairy & eggs": (
        _aisle(
            "Milk",
            "Fresh milk, Long-life milk, Buttermilk",
            "Whole, Semi-skimmed, Skimmed, Lactose-free, Pasture, Organic",
            "500 ml, 1 l, 1.5 l, 2 l",
            (89, 289),
            "cold",
            "Milk",
            (2.6, 1.7, 4.8, 4.8, 0, 3.4, 0.1),
        ),
        _aisle(
            "Yoghurt",
            "Natural yoghurt, Fruit yoghurt, Skyr, Drinking yoghurt",
            "Plain, Strawberry, Vanilla, Peach, Blueberry, Cherry, Lemon, Coconut",
            "150 g, 400 g, 500 g, 1 kg",
            (59, 399),
            "cold",
            "Milk, fruit preparation, sugar, live cultures",
            (3.1, 2, 11, 10, 0.3, 4.4, 0.1),
        ),
        _aisle(
            "Cheese",
            "Hard cheese, Soft cheese, Cream cheese, Grated cheese",
            "Mild, Mature, Extra mature, Smoked, With herbs, With pepper, Goat, Mountain",
            "125 g, 200 g, 300 g, 400 g",
            (189, 899),
            "cold",
            "Milk, salt, cheese cultures, rennet",
            (28, 18, 1, 0.5, 0, 23, 1.6),
        ),
        _aisle(
            "Butter & eggs",
            "Butter, Margarine, Eggs",
            "Salted, Unsalted, Spreadable, Free-range, Organic, Medium",
            "250 g, 500 g, 6 pieces, 10 pieces",
            (179, 549),
            "cold",
            "Cream, salt",
            (62, 38, 0.8, 0.7, 0, 3, 0.8),
        ),
    ),
    "Cupboard": (
        _aisle(
            "Pasta",
            "Spaghetti, Penne, Fusilli, Lasagne sheets, Noodles",
            "Durum wheat, Wholewheat, Egg, Spelt, Red lentil, Gluten-free",
            "250 g, 400 g, 500 g, 1 kg",
            (79, 399),
            "dry",
            "Durum wheat semolina",
            (1.5, 0.3, 71, 3, 3, 12, 0.01),
        ),
        _aisle(
            "Rice & grains",
            "Basmati rice, Risotto rice, Couscous, Bulgur, Quinoa",
            "White, Brown, Wild, Quick-cook, Organic, Three-colour",
            "400 g, 500 g, 1 kg, 2 kg",
            (129, 699),
            "dry",
            "Rice",
            (1.2, 0.3, 77, 0.5, 2, 8, 0.01),
        ),
        _aisle(
            "Tins",
            "Chopped tomatoes, Chickpeas, Kidney beans, Sweetcorn, Lentils",
            "Classic, No added salt, With basil, Organic, In chilli sauce, With garlic",
            "200 g, 400 g, 800 g",
            (59, 249),
            "dry",
            "Vegetables, water, salt",
            (0.7, 0.1, 12, 3, 5, 5, 0.3),
        ),
        _aisle(
            "Sauces",
            "Pasta sauce, Curry sauce, Ketchup, Mustard, Pesto",
            "Basil, Arrabbiata, Korma, Madras, Wholegrain, Sun-dried tomato, Mild, Hot",
            "190 g, 340 g, 400 g, 500 g",
            (129, 499),
            "dry",
            "Tomatoes, sunflower oil, onions, sugar, salt, herbs",
            (8, 1.1, 11, 8, 1.5, 1.8, 1.3),
        ),
        _aisle(
            "Oil & vinegar",
            "Olive oil, Sunflower oil, Rapeseed oil, Wine vinegar",
            "Extra virgin, Mild, Cold-pressed, Red, White, With lemon",
            "250 ml, 500 ml, 750 ml, 1 l",
            (159, 1299),
            "dry",
            "Vegetable oil",
            (91, 13, 0, 0, 0, 0, 0),
        ),
    ),
    "Baking": (
        _aisle(
            "Flour & sugar",
            "Plain flour, Strong flour, Caster sugar, Icing sugar",
            "White, Wholemeal, Rye, Spelt, Golden, Muscovado",
            "500 g, 1 kg, 1.5 kg",
            (79, 399),
            "dry",
            "Wheat flour",
            (1.3, 0.2, 70, 4, 3, 10, 0.01),
        ),
        _aisle(
            "Baking aids",
            "Baking powder, Cake mix, Yeast, Sprinkles",
            "Lemon, Chocolate, Vanilla, Carrot, Classic, Gluten-free",
            "20 g, 100 g, 250 g, 400 g",
            (59, 449),
            "dry",
            "Wheat flour, sugar, starch, raising agents, salt",
            (3, 0.9, 76, 38, 2, 5, 0.9),
        ),
    ),
    "Snacks": (
        _aisle(
            "Crisps",
            "Potato crisps, Tortilla chips, Rice cakes, Popcorn",
            "Sea salt, Paprika, Cheese & onion, Sour cream, Chilli, Salt & vinegar",
            "40 g, 110 g, 150 g, 200 g",
            (79, 349),
            "dry",
            "Potatoes, sunflower oil, seasoning, salt",
            (30, 2.6, 54, 3, 4.5, 6, 1.3),
        ),
        _aisle(
            "Biscuits",
            "Butter biscuits, Oat biscuits, Wafers, Crackers",
            "Classic, Dark chocolate, Ginger, Lemon, Hazelnut, Wholegrain, Sesame",
            "100 g, 200 g, 300 g",
            (99, 399),
            "dry",
            "Wheat flour, butter, sugar, oats, salt",
            (21, 10, 64, 24, 4, 7, 0.7),
        ),
        _aisle(
            "Chocolate",
            "Chocolate bar, Pralines, Chocolate nuts",
            "Milk, Dark 70 %, White, Salted caramel, Hazelnut, Orange, Mint",
            "45 g, 100 g, 180 g",
            (89, 699),
            "dry",
            "Sugar, cocoa butter, milk powder, cocoa mass, lecithins",
            (33, 20, 52, 49, 4, 7, 0.2),
        ),
        _aisle(
            "Nuts & fruit",
            "Almonds, Cashews, Trail mix, Raisins, Dried apricots",
            "Roasted, Salted, Natural, Smoked, Honey-roasted, Organic",
            "100 g, 200 g, 400 g",
            (149, 899),
            "dry",
            "Nuts, dried fruit",
            (38, 5, 25, 18, 8, 16, 0.2),
        ),
    ),
    "Drinks": (
        _aisle(
            "Juice",
            "Orange juice, Apple juice, Smoothie, Vegetable juice",
            "Smooth, With bits, Cloudy, Mango, Carrot & ginger, Red berry",
            "250 ml, 750 ml, 1 l, 1.5 l",
            (99, 449),
            "cold",
            "Fruit juice",
            (0.1, 0, 10, 9.5, 0.5, 0.6, 0.01),
        ),
        _aisle(
            "Water & soft drinks",
            "Mineral water, Lemonade, Iced tea, Cola",
            "Still, Sparkling, Lemon, Peach, Elderflower, Sugar-free",
            "330 ml, 500 ml, 1 l, 1.5 l",
            (49, 249),
            "dry",
            "Water, sugar, lemon juice, carbon dioxide",
            (0, 0, 5, 5, 0, 0, 0.01),
        ),
        _aisle(
            "Coffee",
            "Ground coffee, Coffee beans, Instant coffee, Coffee capsules",
            "Espresso, Mild roast, Dark roast, Decaffeinated, Single origin, House blend",
            "100 g, 250 g, 500 g, 1 kg",
            (299, 1799),
            "dry",
            "Coffee",
            (0.1, 0, 0.3, 0, 0, 0.2, 0),
        ),
        _aisle(
            "Tea",
            "Black tea, Green tea, Herbal tea, Fruit tea",
            "Breakfast, Earl Grey, Peppermint, Camomile, Rooibos, Jasmine, Ginger & lemon",
            "20 bags, 40 bags, 80 bags, 100 g",
            (149, 699),
            "dry",
            "Tea",
            (0, 0, 0.2, 0, 0, 0, 0),
        ),
        _aisle(
            "Plant drinks",
            "Oat drink, Soya drink, Almond drink",
            "Original, Unsweetened, Barista, Vanilla, Chocolate, With calcium",
            "500 ml, 1 l",
            (129, 349),
            "dry",
            "Water, oats, rapeseed oil, salt",
            (1.5, 0.2, 6.5, 3.5, 0.8, 1, 0.1),
        ),
    ),
    "Frozen": (
        _aisle(
            "Frozen vegetables",
            "Peas, Spinach, Stir-fry mix, Broccoli",
            "Garden, Chopped, Whole-leaf, Organic, Family, Asian-style",
            "450 g, 750 g, 1 kg",
            (119, 449),
            "frozen",
            "Vegetables",
            (0.6, 0.1, 7, 3, 4, 4, 0.05),
        ),
        _aisle(
            "Frozen meals",
            "Pizza, Lasagne, Fish fingers, Vegetable burgers",
            "Margherita, Four-cheese, Spinach, Classic, Crunchy, Smoky",
            "300 g, 400 g, 600 g",
            (199, 699),
            "frozen",
            "Wheat flour, tomatoes, cheese, vegetable oil, yeast, salt",
            (9, 3.6, 27, 3, 2, 10, 1.1),
        ),
        _aisle(
            "Ice cream",
            "Ice cream tub, Ice lollies, Sorbet",
            "Vanilla, Chocolate, Strawberry, Mango, Pistachio, Salted caramel",
            "4 pieces, 500 ml, 900 ml",
            (199, 749),
            "frozen",
            "Milk, cream, sugar, egg yolk, vanilla",
            (11, 7, 24, 22, 0.6, 3.4, 0.1),
        ),
    ),
    "Household": (
        _aisle(
            "Laundry",
            "Washing powder, Liquid detergent, Fabric softener, Stain remover",
            "Colour, White, Sensitive, Fresh linen, Wool & silk, Unscented",
            "750 ml, 1 l, 1.5 l, 2.5 kg",
            (249, 1499),
            "home",
        ),
        _aisle(
            "Cleaning",
            "All-purpose cleaner, Glass cleaner, Bathroom cleaner, Scouring cream",
            "Lemon, Pine, Unscented, Vinegar, Citrus, Ocean",
            "500 ml, 750 ml, 1 l, 5 l",
            (129, 899),
            "home",
        ),
        _aisle(
            "Dishes",
            "Washing-up liquid, Dishwasher tablets, Rinse aid, Sponges",
            "Lemon, Aloe, Sensitive, Power, Apple, Classic",
            "500 ml, 10 pieces, 30 pieces, 60 pieces",
            (89, 1299),
            "home",
        ),
        _aisle(
            "Paper",
            "Kitchen roll, Toilet paper, Tissues, Baking paper",
            "Soft, Recycled, Extra strong, Three-ply, Unbleached, Balsam",
            "2 pieces, 4 pieces, 8 pieces, 16 pieces",
            (99, 999),
            "home",
        ),
    ),
    "Personal care": (
        _aisle(
            "Bath & shower",
            "Shower gel, Bar soap, Bath foam, Hand wash",
            "Lavender, Almond, Sea minerals, Citrus, Sensitive, Rose",
            "100 g, 250 ml, 300 ml, 500 ml",
            (99, 699),
            "home",
        ),
        _aisle(
            "Hair",
            "Shampoo, Conditioner, Hair mask",
            "Repair, Volume, Colour, Anti-dandruff, Sensitive, Nettle",
            "200 ml, 250 ml, 400 ml",
            (149, 999),
            "home",
        ),
        _aisle(
            "Mouth",
            "Toothpaste, Toothbrush, Mouthwash, Dental floss",
            "Fresh mint, Sensitive, Whitening, Herbal, Soft, Medium",
            "1 piece, 2 pieces, 75 ml, 500 ml",
            (79, 899),
            "home",
        ),
        _aisle(
            "Skin",
            "Body lotion, Face cream, Sun lotion, Hand cream",
            "Shea, Aloe, Sensitive, Rich, Light, Unscented",
            "50 ml, 75 ml, 200 ml, 250 ml",
            (199, 1999),
            "home",
        ),
    ),
}
"""The category tree: roots, then aisles, then leaves."""

FIRST_NAMES = _parts(
    "Ada, Amir, Anouk, Aoife, Bela, Bruno, Carys, Chidi, Clara, Dario, Edda, Elif, Emeka, Esme, Fenna, "
    "Finn, Greta, Hana, Idris, Imani, Ines, Iris, Jonas, Juno, Kaia, Kenji, Lars, Leila, Linnea, Luca, "
    "Mael, Maren, Milo, Mina, Nadia, Nils, Noor, Odin, Olga, Otis, Pia, Priya, Quinn, Rafa, Rhea, "
    "Robin, Saga, Selma, Tariq, Tess, Tomas, Uma, Vera, Viggo, Wanda, Wren, Xenia, Yara, Yusuf, Zoe"
)
LAST_NAMES = _parts(
    "Abernell, Aldermoor, Ashcombe, Bellweather, Birkdahl, Bracknor, Calderon-Vale, Carrowby, "
    "Dellamere, Drumlane, Eastvik, Elmsworth, Fairholt, Fenwright, Galbrook, Glenrowan, Halvorn, "
    "Harrowgate, Inglemoor, Kestrelby, Kirkvale, Larkspur, Lindqvale, Marchbank, Merrowdale, "
    "Nethercote, Norrbeck, Oakhurst, Orlindale, Penvarrow, Quillfeather, Ravensmoor, Redfern-Lane, "
    "Rowanhill, Saltmarsh, Silverbeck, Stonebrook, Tarnwood, Thistledown, Underhill, Valeford, "
    "Westerby, Whitlock-Moor, Winterbourne, Wolfsdale, Yarrowby, Yewdale, Zellermoor"
)
"""Invented names; any likeness to a person is chance."""
